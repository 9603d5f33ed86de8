"""The splitting of an image into layers: what is decided, and its graph beside the official template.

golden_layers.json has the graph that was reviewed by hand; `MULTIEDIT_UPDATE_GOLDEN=1 pytest` with this file
writes it anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.layers_graph import LayersPlan, layers_graph, plan_layers
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_layer_profiles, load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.tests.support import upstream
from multiedit.tests.support.recipes import Record, of_profile, of_template
from multiedit.tests.support.template_graph import Template

GOLDEN = Path(__file__).with_name("golden_layers.json")
LAYERED = load_layer_profiles().get("qwen-layered")
TEMPLATE = "image_qwen_image_layered"
READ = upstream.find(upstream.TEMPLATES)


def selection(profile: Profile = LAYERED) -> ProfileSelection:
    return ProfileSelection(profile, {role: part.files[0].name for role, part in profile.parts.items()}, ())


def plan(canvas: tuple[int, int] = (1200, 800), pixels: int | None = None) -> LayersPlan:
    return plan_layers(selection(), canvas, 2, "a cup on a table", 7, pixels)


def nodes(decided: LayersPlan) -> dict[str, Any]:
    return layers_graph(decided, ["loader", 0], ["image", 0], prefix="layers.")[0].nodes


def test_the_graph_is_the_one_that_was_reviewed() -> None:
    written = json.dumps(nodes(plan()), indent=1) + "\n"
    if os.environ.get("MULTIEDIT_UPDATE_GOLDEN"):
        GOLDEN.write_text(written)
    assert GOLDEN.read_text() == written


# What the template has, and what is here instead, with the reason.
THEIRS: dict[Record, str] = {
    ("longest side", 640): "here it is the area, as in the makers' own pipeline, and its sides fit the model",
}
OURS: dict[Record, str] = {}


@pytest.mark.skipif(not READ, reason=upstream.MISSING)
def test_the_graph_is_the_official_templates() -> None:
    theirs = of_template(Template(upstream.template(TEMPLATE)))
    files = {record[1] for record in theirs if len(record) > 1}
    ours = of_profile(LAYERED, nodes(plan()), files)
    where = f"{TEMPLATE}.json of {READ and READ.version}"
    assert theirs - ours == set(THEIRS), where
    assert ours - theirs == set(OURS), where


@pytest.mark.parametrize(
    ("canvas", "pixels", "work"),
    [
        ((640, 640), None, (640, 640)),
        ((1200, 800), None, (768, 512)),
        ((4000, 3000), 1024 * 1024, (1184, 896)),
        ((4000, 3000), 16 * 1024 * 1024, (1184, 896)),  # no more than the model can
        ((100, 5000), None, (96, 4512)),
    ],
)
def test_the_size_that_is_sampled_has_the_images_shape(
    canvas: tuple[int, int], pixels: int | None, work: tuple[int, int]
) -> None:
    decided = plan(canvas, pixels)
    assert (decided.work, decided.canvas) == (work, canvas)
    assert f"2 layers of {work[0]}x{work[1]} pixels on a canvas of {canvas[0]}x{canvas[1]}" in decided.summary


@pytest.mark.parametrize("profile", [*load_profiles()][:1], ids=lambda profile: profile.id)
def test_a_model_that_edits_makes_no_layers(profile: Profile) -> None:
    with pytest.raises(InvalidRequest, match="splits no image into layers"):
        plan_layers(selection(profile), (640, 640), 2, "", 0)
