"""The first Qwen-Image-Edit: one image, which the text encoder sees as large as the VAE does.

https://github.com/QwenLM/Qwen-Image
"""

from __future__ import annotations

from typing import Any

from . import qwen_edit
from .family import Family


def tokenize(clip: Any, prompt: str, images: list[Any]) -> Any:
    """As TextEncodeQwenImageEdit has it: by the text encoder's own template for an image."""
    return clip.tokenize(prompt, images=images)


FAMILY = Family(qwen_edit.build, tokenize, sees_reference=True, model_class="QwenImage", takes_shift=True)
