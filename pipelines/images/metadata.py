"""Write how a result was made into its file.

Three texts, each JSON: `prompt` and `workflow` as ComfyUI writes and reads them, and `multiedit`, an
object whose `safe_mode` entry is the safe-mode report and whose other entries (the plan) are a recipe.

PNG has them as text chunks of these names. WebP and JPEG have them as EXIF texts `name:{json}` in the tags
that ComfyUI's frontend reads from WebP; it reads none from JPEG. A JPEG's EXIF block holds 64 KB: what
does not fit is left out, first `workflow`, then `prompt`, then all of `multiedit` but the report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from PIL import PngImagePlugin

from .exif import exif_block

# ComfyUI: prompt in Model, workflow in Make, what else there is in the tags below.
EXIF_TAGS = {"prompt": 0x0110, "workflow": 0x010F, "multiedit": 0x010E}
JPEG_EXIF_LIMIT = 65_533 - 2

_OWN = "multiedit"
_REPORT = "safe_mode"
_NOT_ASCII = re.compile("[^\x00-\x7f]")


def without_recipe(metadata: Mapping[str, str]) -> dict[str, str]:
    """Only the safe-mode report: what a blurred image may say about itself."""
    own = json.loads(metadata.get(_OWN, "{}"))
    return {_OWN: json.dumps({_REPORT: own[_REPORT]})} if _REPORT in own else {}


def fit_exif(metadata: Mapping[str, str], limit: int) -> tuple[bytes, dict[str, str]]:
    """The EXIF block of as much of the metadata as `limit` bytes hold, and what that is."""
    for kept in _shrinking({key: metadata[key] for key in EXIF_TAGS if key in metadata}):
        block = exif_block({EXIF_TAGS[key]: f"{key}:{_ascii(text)}" for key, text in kept.items()})
        if len(block) <= limit:
            return block, kept
    return b"", {}


def _shrinking(metadata: dict[str, str]) -> Iterator[dict[str, str]]:
    yield metadata
    for key in ("workflow", "prompt"):
        metadata = {name: text for name, text in metadata.items() if name != key}
        yield metadata
    yield without_recipe(metadata)


def dropped(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The names that were left out, `multiedit.plan` for an entry of `multiedit`."""
    names = [key for key in before if key not in after]
    if _OWN in before and _OWN in after:
        own, left = json.loads(before[_OWN]), json.loads(after[_OWN])
        names += [f"{_OWN}.{key}" for key in own if key not in left]
    return tuple(names)


def png_text(metadata: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    """Text chunks: tEXt, or iTXt where a text is not Latin-1."""
    info = PngImagePlugin.PngInfo()
    for key, text in metadata.items():
        info.add_text(key, text)
    return info


def _ascii(text: str) -> str:
    """JSON with its other characters escaped, which only ever stand inside JSON's strings."""
    return _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)
