"""Load Layered Images."""

from __future__ import annotations

import hashlib
from typing import Any

import comfy.model_management
from comfy_api.latest import io

from ..pipelines.common.settings import Limits
from .progress import interruptible
from .socket_values import LAYERS, intermediate_dtype
from .source_inputs import SOURCE_COUNT, SourceChoice, image_sources, source_input

_MASK = (
    "The transparency of image {0}: 1 = transparent, as Load Image has it. An image without transparency "
    "gives an empty 64x64 mask, which every node of this pack reads as no mask."
)
_IMAGE = "Image {0}: one frame, RGB, upright, in sRGB."
_MISSING = " None where image {0} is set to none: connect it to optional inputs only."


class MultiEditLoadLayers(io.ComfyNode):
    """Load up to three images from files, addresses or text, and a LAYERS document of them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditLoadLayers",
            display_name="Load Layered Images",
            category="MultiEdit",
            description=(
                "Loads one to three images from the input folder, the internet or base64 text. Files must "
                "be under 500 MB and have 134 megapixels at most; addresses of private networks are refused. "
                "The error about a damaged file names the image."
            ),
            search_aliases=[
                "load image from url",
                "base64 image",
                "data url",
                "download image",
                "load layers",
            ],
            inputs=[
                *(source_input(number) for number in range(1, SOURCE_COUNT + 1)),
                io.Int.Input(
                    "refresh",
                    optional=True,
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    control_after_generate=io.ControlAfterGenerate.fixed,
                    tooltip="Change this number to fetch the addresses again. With the same number the node "
                    "keeps what it fetched before.",
                ),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def validate_inputs(cls, **choices: Any) -> bool:
        # Anything said here is repeated for every input of the node; execute says it once. Without this
        # method ComfyUI would refuse files that were uploaded after it listed the folder.
        return True

    @classmethod
    def fingerprint_inputs(
        cls,
        image_1: SourceChoice | None = None,
        image_2: SourceChoice | None = None,
        image_3: SourceChoice | None = None,
        refresh: int = 0,
    ) -> list[str]:
        """Hash the files. Addresses are not fetched: ComfyUI compares their text and `refresh`."""
        from ..pipelines.sources.files import read_file
        from ..pipelines.sources.source import FileSource

        limits = Limits.from_environment()
        files = [
            read_file(source.path, limits, f"image {number}")
            for number, source in image_sources((image_1, image_2, image_3)).items()
            if isinstance(source, FileSource)
        ]
        return [hashlib.sha256(data).hexdigest() for data in files]

    @classmethod
    async def execute(
        cls,
        image_1: SourceChoice | None = None,
        image_2: SourceChoice | None = None,
        image_3: SourceChoice | None = None,
        refresh: int = 0,
    ) -> io.NodeOutput:
        from ..pipelines.editing.load_layers import load_layers
        from ..pipelines.sources.fetch import ImageFetcher
        from ..pipelines.sources.source import SourceLoader

        device, dtype = comfy.model_management.intermediate_device(), intermediate_dtype()
        limits = Limits.from_environment()
        loader = SourceLoader(limits, ImageFetcher(limits).fetch)
        sources = image_sources((image_1, image_2, image_3))
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
        "lie on it, contained and centred. For Compose Layers, or core's Add Layer and Create Layered Image.",
    )
    return [*outputs, layers]
