"""Promise 3: outside the mask an edit leaves the base's own pixels."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.layers.light import to_encoded_exact, to_linear_exact
from multiedit.pipelines.layers.masked import keep_outside, mask_bounds, same_pixels, with_channels

HEIGHT, WIDTH = 37, 53


def _picture(channels: int, seed: int) -> torch.Tensor:
    return torch.rand(HEIGHT, WIDTH, channels, generator=torch.Generator().manual_seed(seed))


def _mask() -> torch.Tensor:
    """0 on the left, a ramp in the middle, 1 on the right."""
    return torch.linspace(-1, 2, WIDTH).clamp(0, 1).expand(HEIGHT, WIDTH).contiguous()


@pytest.mark.parametrize(("base_channels", "edited_channels"), [(3, 3), (4, 3), (3, 4), (4, 4)])
def test_pixels_outside_the_mask_are_the_bases_bit_for_bit(base_channels: int, edited_channels: int) -> None:
    base, edited, mask = _picture(base_channels, 1), _picture(edited_channels, 2), _mask()
    result = keep_outside(base, edited, mask)
    outside, inside = mask == 0, mask == 1
    assert torch.equal(result[outside][:, :base_channels], base[outside])
    assert torch.equal(result[inside][:, :edited_channels], edited[inside])
    assert result.shape[2] == max(base_channels, edited_channels)


def test_soft_edges_mix_in_linear_light() -> None:
    base, edited, mask = _picture(3, 1), _picture(3, 2), _mask()
    expected = to_encoded_exact(torch.lerp(to_linear_exact(base), to_linear_exact(edited), mask[..., None]))
    assert (keep_outside(base, edited, mask) - expected).abs().max() < 0.02 / 255


def test_a_transparent_edit_fades_the_alpha_without_dark_fringes() -> None:
    base = torch.ones(HEIGHT, WIDTH, 4)
    edited = torch.zeros(HEIGHT, WIDTH, 4)  # transparent black
    result = keep_outside(base, edited, torch.full((HEIGHT, WIDTH), 0.25))
    assert torch.allclose(result[..., 3], torch.tensor(0.75))
    assert torch.allclose(result[..., :3], torch.ones(3), atol=1e-4)


def test_an_empty_mask_changes_nothing_and_inputs_are_not_written() -> None:
    base, edited, mask = _picture(3, 1), _picture(3, 2), torch.zeros(HEIGHT, WIDTH)
    copies = base.clone(), edited.clone()
    result = keep_outside(base, edited, mask)
    assert torch.equal(result, base)
    result.zero_()
    keep_outside(base, edited, _mask())
    assert torch.equal(base, copies[0])
    assert torch.equal(edited, copies[1])


@pytest.mark.parametrize(
    ("value", "share"),
    [
        (0.99610895, 1.0),  # the white of a grey PNG, as ComfyUI reads it
        (0.00389105, 0.0),  # its black, inverted
        (1 - 0.5 / 255, 1.0),
        (0.5 / 255, 0.0),
        (2.0, 1.0),
        (-1.0, 0.0),
    ],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_nearly_0_and_nearly_1_are_0_and_1(value: float, share: float, channels: int) -> None:
    base, edited = torch.ones(HEIGHT, WIDTH, channels), torch.zeros(HEIGHT, WIDTH, channels)
    mask = torch.full((HEIGHT, WIDTH), value)
    for first, second in ((base, edited), (edited, base)):
        assert torch.equal(keep_outside(first, second, mask), second if share else first)
    assert (mask_bounds(mask) == (0, HEIGHT, 0, WIDTH)) is bool(share)


@pytest.mark.parametrize("level", [1, 2, 253, 254])
def test_every_other_8_bit_level_mixes(level: int) -> None:
    base, edited = torch.ones(HEIGHT, WIDTH, 3), torch.zeros(HEIGHT, WIDTH, 3)
    for value in (level / 255, 1 - (255 - level) / 255):
        mixed = keep_outside(base, edited, torch.full((HEIGHT, WIDTH), value))
        assert 0 < mixed.min() <= mixed.max() < 1


def test_a_soft_mask_keeps_the_colour_of_what_stays_transparent() -> None:
    base = torch.full((HEIGHT, WIDTH, 4), 0.7)
    base[..., 3] = 0
    assert torch.equal(keep_outside(base, base.clone(), torch.full((HEIGHT, WIDTH), 0.5)), base)


@pytest.mark.parametrize("size", [(1, 1), (37, 53), (700, 9)])
@pytest.mark.parametrize("channels", [(3, 3), (3, 4), (4, 3), (4, 4)])
def test_images_are_the_same_where_no_level_differs(size: tuple[int, int], channels: tuple[int, int]) -> None:
    base = torch.rand(*size, 3)
    first, second = (with_channels(base, count).clone() for count in channels)
    assert same_pixels(first, second + 0.4 / 255)
    second[-1, -1, channels[1] - 1] -= 0.6 / 255
    assert not same_pixels(first, second)
