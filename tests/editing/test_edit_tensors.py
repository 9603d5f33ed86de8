"""Edits of tensors: the same plan as for files, batches frame by frame, masks, nothing rounded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.base import EditOutput
from multiedit.pipelines.adapters.local import LOCAL_MODELS, local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest, ModelUnavailable, UnsupportedValue
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.edit_tensors import EditedTensors, edit_tensors
from multiedit.pipelines.images.input_image import PixelSource
from multiedit.pipelines.layers.extension import Amount, Extend
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.plan import EditPlan
from multiedit.pipelines.planning.tensor_plan import EditSettings
from torch import Tensor


def picture(width: int = 48, height: int = 32, channels: int = 3, frames: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(frames, height, width, channels, generator=generator)


def edit(*images: Tensor, mask: Tensor | None = None, progress: Any = None, **settings: Any) -> EditedTensors:
    asked = EditSettings(**{"model": "layer-composite", "prompt": "p", "keep_size": True, **settings})
    adapters = local_adapters(Limits())
    return edit_tensors(asked, images, mask, load_catalog(), adapters, progress or (lambda share: None))


def test_the_embedded_models_are_known_and_have_adapters() -> None:
    assert set(local_adapters(Limits())) == set(LOCAL_MODELS)
    assert all(load_catalog().get(model).id == model for model in LOCAL_MODELS)


def test_a_base_alone_comes_back_bit_for_bit() -> None:
    base = picture(frames=2)
    assert torch.equal(edit(base).image, base)


def test_an_extended_base_keeps_its_pixels_in_every_frame() -> None:
    base, overlay = picture(frames=2), torch.ones(1, 4, 4, 3)
    asked = Extend(left=Amount(10), bottom=Amount(50, percent=True), fill="#0000ff")
    edited = edit(base, extend=asked)
    assert edited.image.shape == (2, 48, 58, 3)
    assert torch.equal(edited.image[:, :32, 10:], base)
    assert torch.allclose(edited.image[:, 32:], torch.tensor([0.0, 0.0, 1.0]))
    placed = edit(base, overlay, extend=asked, placement=Placement(fit="none", anchor="bottom-left"))
    assert torch.allclose(placed.image[:, 44:, :4], torch.ones(3))
    assert torch.equal(placed.image[:, :32, 10:], base)


def test_a_mask_lies_over_the_base_itself_and_what_is_added_may_change_too() -> None:
    base, overlay, mask = picture(), torch.ones(1, 9, 9, 3), torch.zeros(1, 32, 48)
    mask[:, :, :8] = 1.0
    asked = Extend(right=Amount(16), fill="#000000")
    edited = edit(base, overlay, mask=mask, extend=asked, placement=Placement(fit="stretch")).image
    assert torch.allclose(edited[:, :, :8], torch.ones(3))
    assert torch.equal(edited[:, :, 8:48], base[:, :, 8:])
    assert torch.allclose(edited[:, :, 48:], torch.ones(3))


def test_overlays_are_placed_by_the_settings() -> None:
    base, overlay = picture(), torch.ones(1, 8, 8, 3)
    edited = edit(base, overlay, placement=Placement(fit="none", anchor="top-left"))
    assert torch.allclose(edited.image[0, :8, :8], torch.ones(3))
    assert torch.equal(edited.image[0, 8:], base[0, 8:])
    assert edited.plan.roles == ("base", "overlay")


@pytest.mark.parametrize("size", [(48, 32), (24, 16), (96, 64), (7, 5)])
def test_where_the_mask_is_0_the_base_keeps_its_pixels(size: tuple[int, int]) -> None:
    base, overlay = picture(), picture(seed=1)
    mask = torch.zeros(1, size[1], size[0])
    mask[:, :, : size[0] // 2] = 1.0
    edited = edit(base, overlay, mask=mask, placement=Placement(fit="cover")).image
    assert torch.equal(edited[0, :, 32:], base[0, :, 32:])
    torch.testing.assert_close(edited[0, :, :16], overlay[0, :, :16], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("mask", "note"),
    [
        (torch.ones(1, 9, 9), "The mask lets all of image 1 change."),
        (torch.full((1, 9, 9), 0.25), "The mask lets all of image 1 change."),
        (torch.eye(10)[None], "The mask lets 10 % of image 1 change."),
        (torch.eye(10)[None].half(), "The mask lets 10 % of image 1 change."),
        (torch.stack([torch.eye(10), torch.zeros(10, 10)]),
         "In 1 of 2 frames the mask selects nothing, and image 1 stays as it is."),
    ],
)  # fmt: skip
def test_the_share_that_may_change_is_said(mask: Tensor, note: str) -> None:
    assert note in edit(picture(), picture(seed=1), mask=mask).summary.splitlines()


@pytest.mark.parametrize("value", [0.0, 0.5 / 255])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_mask_that_selects_nothing_is_refused(value: float, frames: int) -> None:
    with pytest.raises(InvalidRequest, match="The mask selects nothing"):
        edit(picture(), picture(seed=1), mask=torch.full((frames, 9, 9), value))


def test_a_frame_that_the_mask_leaves_out_is_the_bases() -> None:
    base, mask = picture(frames=2), torch.zeros(2, 32, 48)
    mask[0] = 1.0
    edited = edit(base, picture(seed=1), mask=mask, placement=Placement(fit="cover"))
    assert torch.equal(edited.image[1], base[1])
    assert any(note.startswith("Frame 2: The edit changes no pixel") for note in edited.plan.notes)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_batches_are_edited_frame_by_frame(frames: int) -> None:
    base, overlay = picture(frames=frames), picture(9, 9, seed=2)
    mask = torch.rand(frames, 32, 48)
    edited = edit(base, overlay, mask=mask).image
    assert edited.shape == (frames, 32, 48, 3)
    for frame in range(frames):
        alone = edit(base[frame : frame + 1], overlay, mask=mask[frame : frame + 1]).image
        assert torch.equal(edited[frame], alone[0])


def test_a_frame_with_transparency_gives_all_an_alpha_channel() -> None:
    base = torch.ones(2, 32, 48, 4)
    base[1, :, :, 3] = 0.5
    edited = edit(base, picture(9, 9)).image
    assert edited.shape == (2, 32, 48, 4)
    assert (edited[0, ..., 3] == 1).all()


def test_nothing_is_rounded_or_written_into() -> None:
    base, overlay, mask = picture(channels=4), picture(seed=3), torch.rand(1, 9, 9)
    copies = [each.clone() for each in (base, overlay, mask)]
    edited = edit(base, overlay, mask=mask, placement=Placement(opacity=0.5)).image
    assert all(torch.equal(*pair) for pair in zip(copies, (base, overlay, mask), strict=True))
    levels = edited * 255
    assert (levels - levels.round()).abs().max() > 0.1


def test_the_plan_and_the_summary_are_text() -> None:
    edited = edit(picture(), picture(), seed=7, keep_size=False, aspect_ratio="1:1", resolution="1K")
    plan = json.loads(edited.plan_json)
    assert (plan["seed"], plan["width"], plan["height"]) == (7, 1024, 1024)
    assert plan["placements"]["2"]["fit"] == "contain"
    assert edited.summary.splitlines()[0] == "Layer Composite: 1024 x 1024 pixels"
    assert any("does not interpret the prompt" in line for line in edited.summary.splitlines())


class _Provider:
    """Makes frames with notes, messages and flags of their own."""

    name = "provider"

    def __init__(self, *outputs: EditOutput) -> None:
        self._outputs = iter(outputs)

    def run(self, plan: EditPlan, pictures: Sequence[PixelSource], *_: object) -> EditOutput:
        return next(self._outputs)


def test_notes_messages_and_flags_are_of_each_frame() -> None:
    frames = [
        EditOutput(picture(), ("Made there.",), ("The balance was 3.",)),
        EditOutput(picture(), ("Made there.", "Blurred there."), ("The balance was 2.",), blurred=True),
        EditOutput(picture(), ("Made there.", "Blurred there."), ("The balance was 2.",), blurred=True),
    ]
    asked = EditSettings(model="layer-composite", prompt="p", keep_size=True)
    adapters = {"layer-composite": _Provider(*frames)}
    edited = edit_tensors(asked, [picture(frames=3)], None, load_catalog(), adapters, lambda share: None)
    own = ["Made there.", "Frame 2: Blurred there.", "Frame 3: Blurred there."]
    assert list(edited.plan.notes[-3:]) == own
    balances = [f"Frame {number}: The balance was {usd}." for number, usd in ((1, 3), (2, 2), (3, 2))]
    assert list(edited.messages) == balances
    assert edited.blurred == (2, 3)
    assert edited.summary.splitlines()[-6:] == [*own, *balances]


def test_a_blurred_frame_without_a_note_is_in_the_summary() -> None:
    frames = [EditOutput(picture()), EditOutput(picture(), ("Made there.",), blurred=True)]
    asked = EditSettings(model="layer-composite", prompt="p", keep_size=True)
    adapters = {"layer-composite": _Provider(*frames)}
    edited = edit_tensors(asked, [picture(frames=2)], None, load_catalog(), adapters, lambda share: None)
    assert edited.summary.splitlines()[-2:] == ["Frame 2: Made there.", "Frame 2: blurred by the provider."]


def test_progress_runs_over_all_frames() -> None:
    shares: list[float] = []
    edit(picture(frames=3), picture(9, 9), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


@pytest.mark.parametrize(
    ("images", "settings", "error", "words"),
    [
        ([picture(frames=2), picture(frames=3)], {}, InvalidRequest, "image 1 has 2 frames beside 3"),
        ([picture()], {"model": "firered-image-edit"}, ModelUnavailable, "open weights"),
        ([picture()], {"aspect_ratio": "7:1", "keep_size": False}, UnsupportedValue, "7:1"),
        ([picture()], {"prompt": "x" * 32769}, UnsupportedValue, "32769 characters"),
    ],
)
def test_what_cannot_be_edited_is_refused(
    images: list[Tensor], settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        edit(*images, **settings)
