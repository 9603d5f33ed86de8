"""Options of `multiedit edit` that change how a model is sampled."""

from __future__ import annotations

import argparse

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe
from .arguments import decimal_number, whole_number

# By their names in `multiedit`.
_NAMES = (
    "profile", "steps", "cfg", "negative_prompt", "batch_size", "crop_and_stitch", "sampling_megapixels",
)  # fmt: skip


def add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--profile", metavar="ID", help="of the model, see docs/models.md; default: the first that can run")
    add("--steps", type=whole_number("--steps"), metavar="N", help="sampling steps; default: the profile's")
    add("--cfg", type=decimal_number("--cfg"), metavar="X", help="guidance; default: the profile's")
    add("--negative-prompt", metavar="TEXT", help="what the image should not show; read where cfg is not 1")
    add(
        "--lora",
        action="append",
        default=[],
        metavar="NAME[=STRENGTH]",
        help="a file of the ComfyUI's models/loras; may be given again",
    )
    add("--batch-size", type=whole_number("--batch-size"), metavar="N", help="results: OUT-1, OUT-2, ...")
    add("--crop-and-stitch", metavar="WHEN", help="auto, on or off: edit only the part around the mask")
    megapixels = decimal_number("--sampling-megapixels")
    add("--sampling-megapixels", type=megapixels, metavar="X", help="area that is sampled; 1 is 1024x1024")


def model_options(options: argparse.Namespace) -> dict[str, object]:
    """The fields of `multiedit`; None for those that are not given."""
    loras = [_lora(text) for text in options.lora]
    return {**{name: getattr(options, name) for name in _NAMES}, "loras": loras or None}


def _lora(text: str) -> dict[str, object]:
    name, equals, strength = text.rpartition("=")
    if not equals:
        return {"name": text}
    if not name:
        raise InvalidRequest(f"--lora is {describe(text)}; it must be NAME or NAME=STRENGTH.")
    return {"name": name, "strength": decimal_number("--lora")(strength)}
