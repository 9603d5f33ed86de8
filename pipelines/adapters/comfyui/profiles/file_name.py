"""What the name of a weights file tells: its model, few-step LoRAs merged into it, its quantisation.

Names are compared without what people write differently: upper case, separators and the ending, so that
`FLUX.2-klein-9B_fp8.safetensors` is `flux2klein9bfp8`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from pathlib import PureWindowsPath

UNKNOWN_STEPS = 0  # few, but how many is not said
_MOST_FEW_STEPS = 16
_STEPS = re.compile(r"(\d+)[\s._-]*step")
_FEW_STEP_WORDS = ("lightning", "turbo", "rapid", "distill", "hypersd", "dmd", "lcm")
_UNCENSORED_WORDS = ("nsfw", "uncensored", "abliterated", "unfiltered", "heretic", "lewd", "porn")
_PIECE = re.compile(r"\d{5}-of-(\d{5})$")
# By what is in a name, the first that fits; each squeezed.
_QUANTISATIONS = {
    "nvfp4": "nvfp4", "mxfp8": "mxfp8", "fp8mixed": "fp8 mixed", "w4a8": "int4", "w4a4": "int4",
    "int4": "int4", "nf4": "int4", "fp4": "nvfp4", "int8": "int8", "bf16": "bf16", "fp16": "fp16",
    "fp32": "fp32",
}  # fmt: skip


def own_name(file: str) -> str:
    """Return a file's name without its folders and its ending, written for any system."""
    return PureWindowsPath(file).stem


def squeezed(text: str) -> str:
    """Return a text's letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def fits(patterns: Iterable[str], text: str) -> bool:
    """Return whether a squeezed text fits one of the patterns, which are as `fnmatch` has them."""
    return any(_compiled(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def few_steps(text: str) -> int | None:
    """Return to how many steps a model is distilled by a text: UNKNOWN_STEPS, or None if it is not."""
    low = text.lower()
    told = [int(digits) for digits in _STEPS.findall(low) if 0 < int(digits) <= _MOST_FEW_STEPS]
    if told:
        return told[0]
    words = squeezed(low)
    return UNKNOWN_STEPS if any(word in words for word in _FEW_STEP_WORDS) else None


def uncensored(text: str) -> bool:
    """Return whether a text says of a model that it was made to refuse nothing."""
    words = squeezed(text)
    return any(word in words for word in _UNCENSORED_WORDS)


def pieces(file: str) -> int:
    """Return of how many pieces a file is one by its name; 1 for a whole model."""
    found = _PIECE.search(own_name(file))
    return int(found[1]) if found else 1


def named_quantisation(file: str) -> str:
    """Return the quantisation that a name tells; bf16, the published one, where it tells none."""
    words = squeezed(own_name(file))
    for word, quantisation in _QUANTISATIONS.items():
        if word in words:
            return quantisation
    if "fp8" in words or "float8" in words:
        return "fp8 scaled" if "scaled" in words else "fp8"
    return "bf16"
