"""Promise 3: outside the mask an edit leaves the base's own pixels."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.layers.light import to_encoded_exact, to_linear_exact
from multiedit.pipelines.layers.masked import keep_outside

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
