"""What single images are for and where they lie, as text in a widget."""

from __future__ import annotations

from typing import Any

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.layers.placement import Placement

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


@pytest.mark.parametrize(
    ("text", "roles", "placements"),
    [
        ("", {}, {}),
        (" \n", {}, {}),
        ("{}", {}, {}),
        ('{"2": {}}', {}, {}),
        ('{"2": {"role": "overlay"}}', {2: "overlay"}, {}),
        ('{"2": {"role": "reference"}}', {2: "reference"}, {}),
        ('{"3": {"scale": 0.5}}', {3: "overlay"}, {3: Placement(scale=0.5)}),
        (
            '{"2": {"role": "overlay", "anchor": "top-left", "opacity": 0.25}, "3": {"role": "reference"}}',
            {2: "overlay", 3: "reference"},
            {2: Placement(anchor="top-left", opacity=0.25)},
        ),
        ('{"99": {"role": "overlay"}}', {99: "overlay"}, {}),
    ],
)
def test_what_is_read(comfyui: Any, text: str, roles: Any, placements: Any) -> None:
    from multiedit.nodes.placement_inputs import read_per_image

    assert read_per_image(text, Placement()) == (roles, placements)


def test_what_an_entry_leaves_out_the_widgets_say(comfyui: Any) -> None:
    from multiedit.nodes.placement_inputs import read_per_image, read_placements

    shared, text = Placement(opacity=0.5, scale=0.2), '{"2": {"scale": 0.7, "z": 3, "visible": false}}'
    expected = {2: Placement(opacity=0.5, scale=0.7, z=3, visible=False)}
    assert read_per_image(text, shared) == ({2: "overlay"}, expected)
    assert read_placements(text, shared) == expected
    assert read_placements('{"1": {}}', shared) == {1: shared}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "per_image is not valid JSON"),
        ("[" * 100_000, "per_image is not valid JSON"),
        ("[]", "per_image is a list; it must be an object"),
        ('{"1": {}}', "per_image"),
        ('{"100": {}}', "per_image"),
        ('{"two": {}}', "per_image"),
        ('{"' + "9" * 5000 + '": {}}', "per_image is '9+'... "),
        ('{"\\u00b2": {}}', "per_image"),
        ('{"2": 3}', r"per_image\.2"),
        ('{"2": {"role": "mask"}}', r"per_image\.2\.role"),
        ('{"2": {"scale": -1}}', r"per_image\.2\.scale"),
        ('{"2": {"scale": NaN}}', r"per_image\.2\.scale"),
        ('{"2": {"colour": 1}}', r"per_image\.2"),
        ('{"2": {"role": "overlay"}, "2": {"role": "reference", "x": 1}}', r"per_image\.2"),
    ],
)
def test_what_is_refused(comfyui: Any, text: str, words: str) -> None:
    from multiedit.nodes.placement_inputs import read_per_image

    with pytest.raises(InvalidRequest, match=words):
        read_per_image(text, Placement())
