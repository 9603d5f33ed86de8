"""Load Layered Images."""

from __future__ import annotations

import hashlib
from typing import Any

import comfy.model_management
from comfy_api.latest import io

from ..pipelines.common.settings import Limits
from .progress import interruptible
from .socket_values import LAYERS, intermediate_dtype
from .source_inputs import SOURCE_COUNT, file_sources, source_inputs

_MASK = (
    "The transparency of image {0}, which is its alpha too: 1 = transparent, as Load Image has it. "
    "An image without transparency gives an empty 64x64 mask, which every node of this pack reads as no mask."
)
_IMAGE = "Image {0}: one frame, upright, in sRGB; RGBA where it has transparency, else RGB."
_MISSING = " None where image {0} is set to none: connect it to optional inputs only."


class MultiEditLoadLayers(io.ComfyNode):
    """Load up to three images from the input folder, and a LAYERS document of them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditLoadLayers",
            display_name="Load Layered Images",
            category="MultiEdit",
            description=(
                "Loads one to three images from the input folder, each with its own transparency. Files must "
                "be under 500 MB and have 134 megapixels at most. The error about a damaged file names the "
                "image."
            ),
            search_aliases=["load images", "load layers", "upload images", "import images", "several images"],
            inputs=source_inputs(),
            outputs=_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, **choices: Any) -> list[str]:
        """Hash the files."""
        from ..pipelines.sources.files import read_file

        limits = Limits.from_environment()
        files = [
            read_file(source.path, limits, f"image {number}")
            for number, source in file_sources(choices).items()
        ]
        return [hashlib.sha256(data).hexdigest() for data in files]

    @classmethod
    async def execute(cls, **choices: Any) -> io.NodeOutput:
        from ..pipelines.editing.load_layers import load_layers
        from ..pipelines.sources.fetch import ImageFetcher
        from ..pipelines.sources.source import SourceLoader

        device, dtype = comfy.model_management.intermediate_device(), intermediate_dtype()
        limits = Limits.from_environment()
        loader = SourceLoader(limits, ImageFetcher(limits).fetch)
        sources = file_sources(choices)
        loaded, layers = await interruptible(load_layers(sources, loader, limits, device, dtype))
        images = (loaded.get(number, (None, None)) for number in range(1, SOURCE_COUNT + 1))
        return io.NodeOutput(*(part for image in images for part in image), layers)


def _outputs() -> list[io.Output]:
    outputs: list[io.Output] = []
    for number in range(1, SOURCE_COUNT + 1):
        missing = _MISSING.format(number) if number > 1 else ""
        outputs += [
            io.Image.Output(f"image_{number}", tooltip=_IMAGE.format(number) + missing),
            io.Mask.Output(f"mask_{number}", tooltip=_MASK.format(number) + missing),
        ]
    layers = LAYERS.Output(
        "layers",
        tooltip="All images as one LAYERS document: the first is the base and gives the canvas, the others "
        "lie on it, contained and centred until a Compose Layers places them. For Compose Layers, or core's "
        "Add Layer and Create Layered Image.",
    )
    return [*outputs, layers]
