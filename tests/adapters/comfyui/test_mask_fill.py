"""What a model sees of the base inside the mask."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.mask_fill import prefilled
from multiedit.pipelines.planning.mask_options import MASK_FILLS, MaskFill
from multiedit.tests.support.photographs import HEIGHT, WIDTH, photograph

MASK = torch.zeros(1, HEIGHT, WIDTH)
MASK[:, 100:300, 100:400] = 1.0
INSIDE = MASK[0] == 1


@pytest.mark.parametrize("fill", MASK_FILLS)
@pytest.mark.parametrize("channels", [3, 4])
def test_outside_the_mask_nothing_is_filled(fill: MaskFill, channels: int) -> None:
    image = torch.cat((photograph(), torch.full((HEIGHT, WIDTH, 1), 0.5)), dim=2)[None, ..., :channels]
    before = image.clone()
    made = prefilled(image, MASK, fill)
    assert torch.equal(made[0][~INSIDE], before[0][~INSIDE])
    assert torch.equal(made, before) is (fill == "keep")
    assert torch.equal(image, before)


@pytest.mark.parametrize(
    ("fill", "color"), [("neutral", (0.5, 0.5, 0.5, 1.0)), ("green", (0.0, 1.0, 0.0, 1.0))]
)
def test_a_plain_colour_hides_what_was_there(fill: MaskFill, color: tuple[float, ...]) -> None:
    image = torch.cat((photograph(), torch.zeros(HEIGHT, WIDTH, 1)), dim=2)[None]
    inside = prefilled(image, MASK, fill)[0][INSIDE]
    torch.testing.assert_close(inside, torch.tensor(color).expand_as(inside))


def test_a_blur_leaves_the_colours_and_no_detail() -> None:
    made = prefilled(photograph()[None], MASK, "blur")[0]
    own = photograph()
    assert (made - own)[INSIDE].mean(dim=0).abs().max() < 0.03
    detail = [float(image[150:250, 150:350].diff(dim=1).abs().mean()) for image in (made, own)]
    assert detail[0] < 0.3 * detail[1]


def test_faint_noise_in_a_mask_fills_nothing() -> None:
    image = photograph()[None]
    assert torch.equal(prefilled(image, torch.full((1, 8, 8), 4 / 255), "green"), image)
