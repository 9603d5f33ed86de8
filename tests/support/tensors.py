"""Tensors as hypothesis draws them: mostly what people have, and one in six that no node should be given."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

Devices = tuple[torch.device, ...]

_TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]
_OTHER_TYPES = [torch.bool, torch.uint8, torch.int64, torch.complex64]
_RANGES = [(0.0, 1.0), (0.0, 1.0), (-2.0, 3.0), (0.0, 60_000.0), (0.0, 0.0), (1.0, 1.0)]
_SPECIAL = [float("nan"), float("inf"), -float("inf")]
_SIDES = [1, 2, 5, 9, 17, 33]


@st.composite
def images(draw: st.DrawFn, devices: Devices) -> Tensor:
    sound = draw(_mostly())
    channels = draw(st.sampled_from([3, 4, 1, 2] if sound else [3, 5, 6, 0]))
    shape = [*draw(_frames_and_sides(sound)), channels]
    dropped = draw(st.sampled_from([0, 0, 1] if sound else [0, 1, 2]))
    return draw(_tensors(shape[dropped:], sound, devices))


@st.composite
def masks(draw: st.DrawFn, devices: Devices) -> Tensor:
    sound = draw(_mostly())
    frames, height, width = draw(_frames_and_sides(sound))
    layouts = [
        [frames, height, width], [height, width], [frames, 1, height, width], [frames, height, width, 1],
    ]  # fmt: skip
    if not sound:
        layouts += [[width], [frames, height, width, 3], [frames, 1, height, width, 1]]
    return draw(_tensors(draw(st.sampled_from(layouts)), sound, devices))


@st.composite
def documents(draw: st.DrawFn, devices: Devices) -> dict[str, Any]:
    """LAYERS documents whose places are right, whatever their tensors are."""
    items = [
        {"image": draw(images(devices)), "mask": draw(st.none() | masks(devices)), "x": x, "z_index": -x}
        for x in range(draw(st.integers(1, 2)))
    ]
    return {"version": 1, "canvas": draw(st.sampled_from([None, (11, 7)])), "layers": items}


def _mostly() -> st.SearchStrategy[bool]:
    return st.sampled_from([True, True, True, True, True, False])


@st.composite
def _frames_and_sides(draw: st.DrawFn, sound: bool) -> tuple[int, int, int]:
    if draw(st.sampled_from([False, False, False, True])):
        return 1, 64, 64  # as Load Image's empty mask
    sides = st.sampled_from(_SIDES if sound else [*_SIDES, 0])
    return draw(st.sampled_from([1, 1, 2] if sound else [1, 3, 0])), draw(sides), draw(sides)


@st.composite
def _tensors(draw: st.DrawFn, shape: list[int], sound: bool, devices: Devices) -> Tensor:
    """A tensor of a shape, whole or strided, its axes in memory as they are or turned round."""
    low, high = draw(st.sampled_from(_RANGES))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9)))
    stride, turned = draw(st.sampled_from([1, 2])), draw(st.booleans())
    stored = [shape[0] * stride, *shape[1:]]
    values = torch.rand(stored[::-1] if turned else stored, generator=generator) * (high - low) + low
    values = (values.permute(*range(values.ndim)[::-1]) if turned else values)[::stride]
    dtype = draw(st.sampled_from(_TYPES if sound else [*_TYPES, *_OTHER_TYPES]))
    if not sound and values.numel() and draw(st.booleans()):
        place = tuple(draw(st.integers(0, side - 1)) for side in values.shape)
        values[place] = draw(st.sampled_from(_SPECIAL))
    return values.to(draw(st.sampled_from(devices)), dtype)
