"""Telling pictures apart by their pixels."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.images.fingerprint import fingerprint


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.uint8])
def test_equal_pictures_and_no_others_have_the_same(kind: torch.dtype) -> None:
    picture = (255 * torch.rand(1, 5, 7, 3, generator=torch.Generator().manual_seed(1))).to(kind)
    changed = picture.clone()
    changed[0, 4, 6, 2] += 1
    assert fingerprint(picture) == fingerprint(picture.clone())
    # The same pixels, laid out in memory in another way.
    assert fingerprint(picture) == fingerprint(picture.movedim(-1, 1).contiguous().movedim(1, -1))
    others = [changed, picture.movedim(1, 2), picture.flatten(), picture.to(torch.float64)]
    assert len({fingerprint(other) for other in (picture, *others)}) == 1 + len(others)
