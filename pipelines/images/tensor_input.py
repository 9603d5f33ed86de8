"""Check and convert the tensors that people have: images and masks of any float type, rank and device.

Every node and every function of `pipelines/` that is given tensors passes them through here once. What
comes out is float32, in which sums, means and comparisons hold; half floats (ComfyUI's
--fp16-intermediates) have no room for the sum of a few thousand pixels.

    images  [B, H, W, C] or [H, W, C]; C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
    masks   [B, H, W], [H, W], [B, 1, H, W] or [B, H, W, 1]

Floats of any precision are taken, and bool as 0 and 1. Whole numbers are refused: 0..255 and 0..1 cannot be
told apart in them. Strides do not matter, and values outside 0..1 pass.

NaN and infinity are refused wherever pixels go into other pixels. Only what judges pixels itself takes them:
Safe Mode, which blurs such an image, and the encoder, which writes no file of it. Those two have their
images from `image_batch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.validation import invalid_value

_IMAGE = "a tensor [B, H, W, C] with 1 to 4 channels"
_MASK = "a tensor [B, H, W]"
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def image_tensor(value: object, name: str, device: torch.device | None = None) -> Tensor:
    """Convert an image to float32 [B, H, W, 3 or 4]; one that is so already is returned as it is.

    Args:
        value: see above; [H, W, C] becomes a batch of one, grey becomes RGB.
        name: of the socket or the place in a document, for messages.
        device: where the result is; None leaves it where it is.

    Raises:
        InvalidRequest: it is not such a tensor, is empty, or holds NaN or infinity.
    """
    return _finite(image_batch(value, name).to(device, torch.float32), name)


def mask_tensor(value: object, name: str, device: torch.device | None = None) -> Tensor:
    """Convert a mask, of either polarity, to float32 [B, H, W]. Arguments and errors: see `image_tensor`."""
    return _finite(mask_batch(value, name).to(device, torch.float32), name)


def image_tensors(values: Mapping[int, object], name: str) -> dict[int, Tensor]:
    """Convert images by number, all to the device of the first; `name` is such as "image_{}"."""
    tensors: dict[int, Tensor] = {}
    for number, value in values.items():
        device = next((tensor.device for tensor in tensors.values()), None)
        tensors[number] = image_tensor(value, name.format(number), device)
    return tensors


def image_batch(value: object, name: str) -> Tensor:
    """Bring an image to [B, H, W, 3 or 4], in its own float type; its values are not looked at.

    Raises:
        InvalidRequest: as `image_tensor`, but for NaN and infinity.
    """
    image = _floats(value, name, _IMAGE)
    if image.ndim == 3 and image.shape[2] <= 4:
        image = image[None]
    if image.ndim != 4 or image.shape[3] > 4 or 0 in image.shape:
        raise _wrong_shape(name, value, _IMAGE, _image_advice(image))
    if image.shape[3] > 2:
        return image
    grey = image[..., :1].expand(-1, -1, -1, 3)
    return torch.cat((grey, image[..., 1:]), dim=3)


def mask_batch(value: object, name: str) -> Tensor:
    """Bring a mask to [B, H, W], in its own float type; its values are not looked at.

    Raises:
        InvalidRequest: as `mask_tensor`, but for NaN and infinity.
    """
    mask = _floats(value, name, _MASK)
    if mask.ndim == 2:
        mask = mask[None]
    elif mask.ndim == 4 and 1 in (mask.shape[1], mask.shape[3]):
        mask = mask.squeeze(1 if mask.shape[1] == 1 else 3)
    if mask.ndim != 3 or 0 in mask.shape:
        raise _wrong_shape(name, value, _MASK, "Convert Image to Mask makes one of an image.")
    return mask


def count_frames(batches: Iterable[tuple[str, Tensor]], field: str) -> int:
    """Count the frames of the longest batch; a batch of one serves every frame of a longer one.

    Args:
        batches: tensors [B, ...], each with its name for messages.

    Raises:
        InvalidRequest: a batch has neither one frame nor as many as the longest.
    """
    counts = [(name, len(batch)) for name, batch in batches]
    longest = max(count for _, count in counts)
    for name, count in counts:
        if count not in (1, longest):
            raise InvalidRequest(
                f"{name} has {count} frames beside {longest}; every image and every mask needs one frame or "
                f"{longest}. Repeat or cut the batch.",
                field=field,
            )
    return longest


def _floats(value: object, name: str, layout: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise invalid_value(name, value, layout)
    if value.requires_grad:
        value = value.detach()
    if value.dtype in _FLOATS:
        return value
    if value.dtype == torch.bool or value.is_floating_point():
        return value.float()
    raise InvalidRequest(
        f"{name} has values of the type {value.dtype}; it must have floats, 0..1. Convert it, and divide "
        "8-bit levels by 255.",
        field=name,
    )


def _finite(tensor: Tensor, name: str) -> Tensor:
    # aminmax hands a NaN on, and needs no memory and a tenth of isfinite's time.
    if not torch.stack(tensor.aminmax()).isfinite().all():
        raise InvalidRequest(
            f"{name} has values that are NaN or infinite; every value must be finite. Make it again in a "
            "higher precision, or replace it.",
            field=name,
        )
    return tensor


def _wrong_shape(name: str, value: object, layout: str, advice: str) -> InvalidRequest:
    shape = list(value.shape) if isinstance(value, Tensor) else value
    return InvalidRequest(
        f"{name} has the shape {shape}; it must be {layout}, no side of 0. {advice}", field=name
    )


def _image_advice(image: Tensor) -> str:
    if 0 in image.shape:
        return "Look at the node that it comes from: it gave no pixels."
    if image.ndim in (2, 3):
        return "Convert Mask to Image makes one of a mask."
    if image.ndim == 4 and image.shape[1] <= 4 < min(image.shape[2:]):
        return "Move its channels to the end."
    return "Take 3 or 4 of its channels."
