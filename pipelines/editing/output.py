"""The end of every entry point's work: safe mode, then the file's bytes with what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..images.encode import EncodeOptions, encode
from ..safety.classifiers.classifier import ClassifierLoader
from ..safety.policy import DEFAULT_POLICY, Policy
from ..safety.report import SafetyReport, off_report
from ..safety.screening import screen

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EncodedImage:
    """A file that may be handed out.

    Attributes:
        media_type: by what the bytes are: image/png, image/jpeg or image/webp.
        dropped_metadata: names of what the file does not say: no room for it, or a blurred image's recipe.
        notes: sentences about the image files, where no plan has them.
    """

    data: bytes = field(repr=False)
    media_type: str
    safety: SafetyReport
    dropped_metadata: tuple[str, ...]
    notes: tuple[str, ...] = ()


def screen_image(
    image: Tensor, classifier: ClassifierLoader | None, policy: Policy = DEFAULT_POLICY
) -> tuple[Tensor, SafetyReport]:
    """Screen one image [1, H, W, C] and blur it where it does not pass; None switches safe mode off."""
    if classifier is None:
        return image, off_report()
    screened, (report,) = screen(image, classifier, policy)
    return screened, report


def encode_result(
    image: Tensor,
    report: SafetyReport,
    options: EncodeOptions,
    about: Mapping[str, object],
    embed: Mapping[str, str],
) -> EncodedImage:
    """Encode a screened image [1, H, W, C].

    Args:
        about: how the image was made, written beside the report under the key `multiedit`. A blurred
            image says nothing but its report: anything else would be the recipe of the unblurred one.
        embed: further metadata, ComfyUI's `prompt` and `workflow`.
    """
    texts = {"multiedit": json.dumps({**about, "safe_mode": report.to_dict()}), **embed}
    file = encode(image[0], options, texts, blurred=report.blurred)
    return EncodedImage(file.data, file.media_type, report, file.dropped_metadata)
