"""Compute a digest of an image's pixels."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def fingerprint(image: Tensor) -> str:
    """Return a digest of shape, type and pixels: equal for equal tensors on any device."""
    pixels = image.detach().cpu().contiguous()
    digest = hashlib.blake2b(f"{tuple(pixels.shape)} {pixels.dtype}".encode(), digest_size=16)
    digest.update(pixels.view(-1).view(torch.uint8).numpy().data)  # numpy has no bfloat16
    return digest.hexdigest()
