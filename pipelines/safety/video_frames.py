"""Select the frames of a video to check: enough that nothing is shown for half a second unchecked."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..common.errors import InvalidRequest

ALL_UP_TO = 64  # frames
FEWEST = 16  # frames
SECONDS_BETWEEN = 0.5
CUT = 0.1  # mean difference of two frames' thumbnails, on 0..1
_THUMBNAIL = 16  # pixels


def frames_to_check(frames: Tensor, frames_per_second: float) -> list[int]:
    """Return the indices of the frames to check, in order.

    All of a short video. Else the first, the last, one every half second, at least sixteen in all, the first
    of every scene, and every one with NaN or infinity, which no other frame represents.

    Args:
        frames: float [B, H, W, C].

    Raises:
        InvalidRequest: the rate is not a positive number.
    """
    if not 0 < frames_per_second < math.inf:
        raise InvalidRequest(
            f"The video has {frames_per_second} frames a second; it must be a positive number. Correct it."
        )
    count = len(frames)
    if count <= ALL_UP_TO:
        return list(range(count))
    step = min(max(1.0, frames_per_second * SECONDS_BETWEEN), (count - 1) / (FEWEST - 1))
    sampled = {math.floor(step * number) for number in range(math.ceil((count - 1) / step))}
    return sorted(sampled | {count - 1} | _special(frames))


def _special(frames: Tensor) -> set[int]:
    """The frames after a cut, and those that are not finite."""
    found = set()
    before = torch.zeros(())
    for index, frame in enumerate(frames):
        thumbnail = functional.adaptive_avg_pool2d(frame.float().permute(2, 0, 1), _THUMBNAIL)
        # Not at most the cut, so that a frame of NaN, which differs by NaN, is one.
        if not float((thumbnail - before).abs().mean()) <= CUT:
            found.add(index)
        before = thumbnail
    return found
