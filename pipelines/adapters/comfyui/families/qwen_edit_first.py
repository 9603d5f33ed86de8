"""The first Qwen-Image-Edit: one image, which its text encoder sees at a megapixel.

https://github.com/QwenLM/Qwen-Image
"""

from __future__ import annotations

import math
from typing import Any

from ....common.types import Size
from . import qwen_edit
from .family import Family

_VISION_PIXELS = 1024 * 1024  # of the copy that the text encoder sees, as TextEncodeQwenImageEdit has it


def tokenize(clip: Any, prompt: str, images: list[Any]) -> Any:
    """As TextEncodeQwenImageEdit has it: by the text encoder's own template for an image."""
    return clip.tokenize(prompt, images=images)


def vision_scale(size: Size) -> tuple[float, str]:
    return math.sqrt(_VISION_PIXELS / math.prod(size)), "area"


FAMILY = Family(qwen_edit.build, tokenize, vision_scale)
