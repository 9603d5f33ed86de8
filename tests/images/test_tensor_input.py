"""Images and masks of any layout and type to float32, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.images.tensor_input import (
    count_frames,
    image_batch,
    image_tensor,
    image_tensors,
    mask_batch,
    mask_tensor,
)
from multiedit.tests.support.other_device import other_device
from torch import Tensor

GREY, ALPHA = torch.rand(2, 4, 5, 1), torch.rand(2, 4, 5, 1)
MASK = torch.rand(2, 4, 5)
HALVES = (torch.float16, torch.bfloat16)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (GREY, GREY.expand(-1, -1, -1, 3)),
        (GREY[0], GREY[:1].expand(-1, -1, -1, 3)),
        (torch.cat((GREY, ALPHA), 3), torch.cat((GREY, GREY, GREY, ALPHA), 3)),
        (torch.cat((GREY, GREY, ALPHA), 3)[0], torch.cat((GREY, GREY, ALPHA), 3)[:1]),
        (torch.cat((GREY, GREY, GREY, ALPHA), 3), torch.cat((GREY, GREY, GREY, ALPHA), 3)),
    ],
    ids=["grey", "grey without batch", "grey with alpha", "RGB without batch", "RGBA"],
)
def test_an_image_of_any_layout_is_taken(given: Tensor, taken: Tensor) -> None:
    assert torch.equal(image_tensor(given, "image"), taken)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (MASK[0], MASK[:1]),
        (MASK, MASK),
        (MASK[:1, None], MASK[:1]),
        (MASK[:, None], MASK),
        (MASK[..., None], MASK),
        (MASK[:, :1, None], MASK[:, :1]),
    ],
    ids=["[H,W]", "[B,H,W]", "[1,1,H,W]", "[B,1,H,W]", "[B,H,W,1]", "[B,1,1,W]"],
)
def test_a_mask_of_any_layout_is_taken(given: Tensor, taken: Tensor) -> None:
    assert torch.equal(mask_tensor(given, "mask"), taken)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float64, torch.bool])
def test_every_float_type_and_bool_become_float32(dtype: torch.dtype) -> None:
    image, mask = torch.rand(1, 4, 5, 3).round().to(dtype), MASK.round().to(dtype)
    for taken, given in ((image_tensor(image, "image"), image), (mask_tensor(mask, "mask"), mask)):
        assert taken.dtype == torch.float32
        assert torch.equal(taken, given.to(torch.float32))


def test_what_is_right_already_is_not_copied() -> None:
    image = torch.rand(2, 4, 6, 3)
    turned = image.transpose(1, 2)[:, ::2]  # any strides are right
    assert image_tensor(image, "image") is image
    assert image_tensor(turned, "image") is turned
    assert mask_tensor(MASK, "mask") is MASK
    half = image.half()
    assert image_batch(half, "image") is half
    assert mask_batch(half[..., 0], "mask").dtype == torch.float16


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "socket is null; it must be a tensor [B, H, W, C] with 1 to 4 channels."),
        ("a.png", "socket is 'a.png'; it must be a tensor"),
        (torch.rand(1, 4, 4, 5), "socket has the shape [1, 4, 4, 5]; it must be a tensor [B, H"),
        (torch.rand(1, 3, 8, 9), "socket has the shape [1, 3, 8, 9]"),
        (torch.rand(2, 8, 8), "socket has the shape [2, 8, 8]"),
        (torch.rand(8), "socket has the shape [8]"),
        (torch.rand(1, 2, 8, 8, 3), "socket has the shape [1, 2, 8, 8, 3]"),
        (torch.rand(0, 8, 8, 3), "socket has the shape [0, 8, 8, 3]"),
        (torch.rand(1, 8, 0, 3), "socket has the shape [1, 8, 0, 3]"),
        (torch.rand(1, 8, 8, 0), "socket has the shape [1, 8, 8, 0]"),
        (torch.zeros(1, 8, 8, 3, dtype=torch.uint8), "socket has values of the type torch.uint8; it"),
        (torch.zeros(1, 8, 8, 3, dtype=torch.complex64), "socket has values of the type torch.complex64"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_what_is_no_image_is_refused(value: object, says: str) -> None:
    for convert in (image_tensor, image_batch):
        with pytest.raises(InvalidRequest) as caught:
            convert(value, "socket")
        assert caught.value.message.startswith(says)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((1, 4, 4, 5), "Take 3 or 4 of its channels."),
        ((1, 3, 8, 9), "Move its channels to the end."),
        ((2, 8, 8), "Convert Mask to Image makes one of a mask."),
        ((0, 8, 8, 3), "Look at the node that it comes from: it gave no pixels."),
    ],
)
def test_the_refusal_of_a_shape_says_what_helps(shape: tuple[int, ...], advice: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_tensor(torch.rand(shape), "socket")
    assert caught.value.message.endswith(advice)


@pytest.mark.parametrize(
    "value", [None, torch.rand(8), torch.rand(1, 8, 8, 3), torch.rand(1, 0, 8), MASK.long()]
)
def test_what_is_no_mask_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^socket "):
        mask_tensor(value, "socket")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused_where_pixels_are_computed(value: float, dtype: torch.dtype) -> None:
    image = torch.rand(2, 4, 5, 3).to(dtype)
    image[1, 2, 3, 0] = value
    for convert, given in ((image_tensor, image), (mask_tensor, image[..., 0])):
        with pytest.raises(InvalidRequest, match="socket has values that are NaN or infinite"):
            convert(given, "socket")
    assert image_batch(image, "socket") is image


@pytest.mark.parametrize("dtype", HALVES)
def test_large_values_in_half_precision_are_finite(dtype: torch.dtype) -> None:
    """Their sum is not, in half precision."""
    assert image_tensor(torch.full((1, 300, 300, 3), 60_000.0, dtype=dtype), "image").isfinite().all()


def test_images_follow_the_first_ones_device() -> None:
    with other_device() as device:
        taken = image_tensors({2: torch.rand(1, 4, 4, 3).to(device), 3: torch.rand(4, 4, 1)}, "image_{}")
        assert {image.device for image in taken.values()} == {device}
        assert mask_tensor(MASK, "mask", device).device == device


@pytest.mark.parametrize(("counts", "frames"), [((1,), 1), ((1, 3, 1), 3), ((2, 2), 2)])
def test_a_batch_of_one_serves_every_frame(counts: tuple[int, ...], frames: int) -> None:
    assert count_frames([(str(count), torch.zeros(count)) for count in counts], "images") == frames


def test_batches_that_do_not_agree_are_refused() -> None:
    batches: list[tuple[str, Any]] = [("image_1", torch.zeros(3)), ("the mask", torch.zeros(2))]
    with pytest.raises(InvalidRequest, match=r"^the mask has 2 frames beside 3; every image and every mask"):
        count_frames(batches, "images")


def test_an_image_that_is_being_trained_is_taken_without_its_gradient() -> None:
    image = torch.rand(1, 4, 4, 3, requires_grad=True)
    taken = image_tensor(image, "image")
    assert not taken.requires_grad
    assert torch.equal(taken, image)
