"""Pictures made of formulas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def reds() -> Callable[..., Tensor]:
    """A batch [B, 32, 48, 3] of noise whose red channel has exactly the given values."""

    def make(*values: float) -> Tensor:
        images = torch.rand(len(values), 32, 48, 3, generator=torch.Generator().manual_seed(7))
        images[..., 0] = torch.tensor(values).view(-1, 1, 1)
        return images

    return make


@pytest.fixture(scope="session")
def landscape() -> Tensor:
    """Sky above hills, of smooth gradients in whole 8-bit steps: [1, 256, 256, 3]."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 256), indexing="ij")
    sky = torch.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.9 - 0.1 * y], dim=-1)
    ground = torch.stack([0.2 + 0.2 * y, 0.45 - 0.2 * y + 0.05 * x, 0.15 + 0.1 * x], dim=-1)
    hill = (y > 0.55 + 0.08 * torch.sin(6 * x)).unsqueeze(-1)
    return ((torch.where(hill, ground, sky) * 255).round() / 255)[None]
