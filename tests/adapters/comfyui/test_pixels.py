"""The pixel work around a generative model: what it sees, and its answer in the result."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.pixels import (
    canvas_bounds,
    finished,
    fitted,
    fitted_mask,
    frame_of,
    grown_mask,
    latent_mask,
    opaque,
)
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.layers.masked import mask_bounds
from torch.nn.functional import interpolate, max_pool2d


def picture(height: int, width: int, channels: int = 3, frames: int = 1) -> torch.Tensor:
    shape = frames, height, width, channels
    return torch.rand(shape, generator=torch.Generator().manual_seed(height * width))


def box_mask(height: int, width: int, top: int, bottom: int, left: int, right: int) -> torch.Tensor:
    mask = torch.zeros(1, height, width)
    mask[:, top:bottom, left:right] = 1.0
    return mask


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(
    ("size", "fit"),
    [
        ((301, 203), ReferenceFit((304, 208), (301, 203))),
        ((301, 203), ReferenceFit((96, 64), (301, 203), (101, 67, 160, 112))),
        ((301, 203), ReferenceFit((160, 112), (301, 203), (101, 67, 160, 112))),
        ((64, 64), ReferenceFit((64, 64), (64, 64))),
    ],
)
@pytest.mark.parametrize("answers", [1, 3])
def test_outside_the_mask_the_base_keeps_its_bits(
    channels: int, size: tuple[int, int], fit: ReferenceFit, answers: int
) -> None:
    width, height = size
    base, answer = picture(height, width, channels), torch.rand(answers, *reversed(fit.size), 3)
    x, y, w, h = fit.window or (0, 0, width, height)
    mask = box_mask(height, width, y + h // 4, y + h // 2, x + w // 4, x + w // 2)
    mask[0, y + h // 2 : y + h // 2 + 5, x + w // 4 : x + w // 2] = 0.5
    copies = base.clone(), answer.clone(), mask.clone()
    result = finished(answer, size, base, mask, fit)
    assert result.shape == (answers, height, width, channels)
    for made in result:
        assert torch.equal(made[mask[0] == 0], base[0][mask[0] == 0])
        assert (made[mask[0] == 1] != base[0][mask[0] == 1]).any()
    assert torch.equal(base, copies[0])
    assert torch.equal(answer, copies[1])
    assert torch.equal(mask, copies[2])
    result.zero_()
    assert torch.equal(base, copies[0])


def test_deep_inside_the_mask_is_the_answer_and_its_edge_fades_in_within() -> None:
    base, answer = torch.zeros(1, 1024, 1024, 3), torch.ones(1, 1024, 1024, 3)
    mask = box_mask(1024, 1024, 200, 800, 300, 1024)
    result = finished(answer, (1024, 1024), base, mask, ReferenceFit((1024, 1024), (1024, 1024)))[
        0, 500, :, 0
    ]
    assert (result[304:] == 1).all()  # 4 pixels at a megapixel; at the picture's own border nothing fades
    assert not result[:300].any()
    assert (result[300:305].diff() > 0).all()


@pytest.mark.parametrize("thickness", [1, 2, 5, 6, 9, 30])
def test_a_stroke_of_any_thickness_changes_the_picture(thickness: int) -> None:
    base, answer = torch.zeros(1, 1000, 1000, 3), torch.ones(1, 1000, 1000, 3)
    mask = box_mask(1000, 1000, 400, 400 + thickness, 100, 900)
    result = finished(answer, (1000, 1000), base, mask, ReferenceFit((1000, 1000), (1000, 1000)))[
        0, :, 500, 0
    ]
    assert result.max() == 1
    assert not result[mask[0, :, 500] == 0].any()


def test_a_mask_of_another_size_is_stretched_over_the_base() -> None:
    base, answer = torch.zeros(1, 200, 300, 3), torch.ones(1, 200, 300, 3)
    mask = box_mask(20, 30, 0, 20, 0, 15)
    result = finished(answer, (300, 200), base, mask, ReferenceFit((300, 200), (300, 200)))[0, 100, :, 0]
    assert (result[:140] == 1).all()
    assert not result[160:].any()


def test_the_mask_lies_on_the_base_where_the_result_cuts_it() -> None:
    base = torch.zeros(1, 100, 300, 3)
    base[:, :, 100:200] = 1.0
    mask = base[..., 0]
    fit = ReferenceFit((64, 64), (100, 100))  # the middle third
    assert (fitted(base, fit) > 0.99).all()
    assert (fitted_mask(mask, base, fit) > 0.99).all()
    assert canvas_bounds(mask, base, (100, 100)) == (0, 100, 0, 100)


@pytest.mark.parametrize("window", [(0, 0, 64, 64), (37, 21, 96, 64), (205, 136, 96, 64)])
def test_a_window_at_its_own_size_is_not_resampled(window: tuple[int, int, int, int]) -> None:
    base = picture(200, 301)
    x, y, width, height = window
    assert torch.equal(
        fitted(base, ReferenceFit((width, height), (301, 200), window)),
        base[:, y : y + height, x : x + width],
    )


def test_a_picture_without_a_canvas_is_shown_whole() -> None:
    base = torch.zeros(1, 100, 300, 3)
    base[:, :, :150] = 1.0
    shown = fitted(base, ReferenceFit((96, 32)))
    assert shown.shape == (1, 32, 96, 3)
    assert shown[0, :, :40].min() > 0.99
    assert shown[0, :, 56:].max() < 0.01


@pytest.mark.parametrize(("alpha", "shown"), [(0.0, 1.0), (1.0, 0.25), (0.5, 0.625)])
def test_transparency_shows_white(alpha: float, shown: float) -> None:
    image = torch.full((1, 4, 4, 4), 0.25)
    image[..., 3] = alpha
    assert torch.allclose(opaque(image), torch.full((1, 4, 4, 3), shown))


def test_a_shorter_batch_serves_with_its_last_frame() -> None:
    batch = picture(8, 8, frames=2)
    assert [torch.equal(frame_of(batch, n)[0], batch[min(n, 1)]) for n in range(4)] == [True] * 4
    assert frame_of(batch.half(), 0).dtype is torch.float32


def test_every_cell_that_the_mask_touches_is_free_and_a_ring_is_half_free() -> None:
    mask = box_mask(80, 112, 33, 34, 50, 51)
    mask[0, 5, 100] = 0.3
    made = latent_mask(mask, 16)
    assert made.shape == (1, 1, 80, 112)
    cells = made[..., ::16, ::16]
    assert cells[0, 0, 2, 3] == 1
    assert (cells[0, 0, 1:4, 2:5].flatten() == torch.tensor([0.5] * 4 + [1.0] + [0.5] * 4)).all()
    assert cells[0, 0, 0, 6] == pytest.approx(0.3)
    assert cells[0, 0, 4, 6] == 0
    for scale in (8, 16):  # of a VAE; as ComfyUI has it
        latent = interpolate(made, size=(80 // scale, 112 // scale), mode="bilinear")
        fine = 16 // scale
        assert torch.equal(latent, cells.repeat_interleave(fine, 2).repeat_interleave(fine, 3))


@pytest.mark.parametrize(("feather", "pull_in"), [(None, 0), (0, 0), (30, 0), (4, 10), (512, 512)])
@pytest.mark.parametrize("grow", [0, 7, 20])
def test_where_the_grown_mask_is_0_the_base_keeps_its_bits(
    grow: int, feather: int | None, pull_in: int
) -> None:
    base, answer = picture(203, 301), torch.ones(1, 208, 304, 3)
    mask = box_mask(203, 301, 80, 120, 100, 180)
    mask[0, :40] = 4 / 255  # noise, which selects nothing
    mask[0, 150, 20:50] = 1.0  # a stroke
    size = (301, 203)
    change = grown_mask(mask, base, size, grow)
    result = finished(answer, size, base, change, ReferenceFit((304, 208), size), feather, pull_in)
    assert torch.equal(result[0][change[0] == 0], base[0][change[0] == 0])
    assert torch.equal(change[0] > 0, max_pool2d((mask > 4.5 / 255).float(), 2 * grow + 1, 1, grow)[0] > 0)
    assert (result[0, 100, 140] == 1).all()
    assert grow or (result[0, 150] == 1).any()


def test_a_mask_is_grown_by_pixels_of_the_result() -> None:
    base, mask = picture(100, 150), box_mask(50, 75, 20, 30, 30, 40)
    made = grown_mask(mask, base, (600, 400), 10)
    assert made.shape == (1, 400, 600)
    assert mask_bounds(made[0])[0] == mask_bounds(grown_mask(mask, base, (600, 400), 0)[0])[0] - 10


def test_noise_of_four_levels_does_not_widen_the_bounds() -> None:
    mask = box_mask(40, 60, 10, 20, 15, 30)
    mask[mask == 0] = 4 / 255
    assert canvas_bounds(mask, torch.zeros(1, 40, 60, 3), (60, 40)) == (10, 20, 15, 30)


def test_the_bounds_are_of_all_frames() -> None:
    mask = torch.cat([box_mask(20, 30, 2, 4, 5, 6), box_mask(20, 30, 10, 12, 20, 21)])
    assert canvas_bounds(mask, torch.zeros(1, 20, 30, 3), (30, 20)) == (2, 12, 5, 21)
    assert canvas_bounds(torch.zeros(1, 20, 30), torch.zeros(1, 20, 30, 3), (30, 20)) == (0, 0, 0, 0)


def test_bounds_on_the_canvas_hold_the_mask_as_it_will_be_fitted() -> None:
    base, mask = picture(203, 301), box_mask(51, 77, 20, 31, 40, 55)
    top, bottom, left, right = canvas_bounds(mask, base, (640, 416))
    change: Any = fitted_mask(mask, base, ReferenceFit((640, 416), (640, 416)))[0]
    assert mask_bounds(change) == (top, bottom, left, right)
    assert bottom - top == pytest.approx(11 / 51 * 432, abs=20)


@pytest.mark.parametrize("seed", range(40))
def test_bounds_are_at_most_a_pixel_outside_the_mask_as_it_will_be_fitted(seed: int) -> None:
    draw = Random(seed)
    width, height, canvas_width, canvas_height = (draw.randint(24, 200) for _ in range(4))
    left, right = draw.randrange(width // 2), draw.randrange(width // 2, width) + 1
    top, bottom = draw.randrange(height // 2), draw.randrange(height // 2, height) + 1
    mask = box_mask(height, width, top, bottom, left, right)
    base, canvas = torch.zeros(1, height, width, 3), (canvas_width, canvas_height)
    bounds = canvas_bounds(mask, base, canvas)
    fitted: Any = mask_bounds(fitted_mask(mask, base, ReferenceFit(canvas, canvas))[0])
    for own, (start, stop) in ((bounds[:2], fitted[:2]), (bounds[2:], fitted[2:])):
        assert start - 1 <= own[0] <= start
        assert stop <= own[1] <= stop + 1


def test_an_answer_in_half_floats_is_pasted_into_a_base_in_whole_ones() -> None:
    base, answer = picture(48, 64), picture(32, 32).half()
    mask = box_mask(48, 64, 16, 32, 16, 40).half()
    result = finished(answer, (64, 48), base, mask, ReferenceFit((32, 32), (64, 48)))
    assert result.dtype == torch.float32
    assert torch.equal(result[0][mask[0] == 0], base[0][mask[0] == 0])
    whole = finished(answer.float(), (64, 48), base, mask.float(), ReferenceFit((32, 32), (64, 48)))
    assert torch.equal(result, whole)


@pytest.mark.parametrize(("base", "output"), [(3, 4), (4, 3), (4, 4)])
def test_an_edit_inside_a_mask_has_alpha_where_either_image_has(base: int, output: int) -> None:
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1.0
    image = torch.rand(1, 32, 32, base)
    edited = torch.full((1, 32, 32, output), 0.5)
    result = finished(edited, (32, 32), image, mask, ReferenceFit((32, 32), (32, 32)))
    assert result.shape == (1, 32, 32, 4)
    assert torch.equal(result[0, :8, :, :base], image[0, :8])
    assert result[0, 16, 16, 3] == (0.5 if output == 4 else 1.0)
