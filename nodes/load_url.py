"""Load Image from URL."""

from __future__ import annotations

import comfy.model_management
from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import Limits
from .progress import interruptible
from .socket_values import intermediate_dtype


class MultiEditLoadUrl(io.ComfyNode):
    """Load one image from an address, a data URL or base64 text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditLoadUrl",
            display_name="Load Image from URL",
            category="MultiEdit",
            description=(
                "Loads one image from the internet, a data URL or base64 text, with its own transparency. "
                "Files must be under 500 MB and have 134 megapixels at most; addresses of private networks "
                "are refused."
            ),
            search_aliases=["load image from url", "base64 image", "data url", "download image", "web image"],
            inputs=_inputs(),
            outputs=[
                io.Image.Output(
                    "image",
                    tooltip="The image: one frame, upright, in sRGB; RGBA where it has transparency, else "
                    "RGB.",
                ),
                io.Mask.Output(
                    "mask",
                    tooltip="The image's transparency, which is its alpha too: 1 = transparent, as Load "
                    "Image has it. An image without transparency gives an empty 64x64 mask, which every node "
                    "of this pack reads as no mask.",
                ),
            ],
        )

    @classmethod
    async def execute(cls, url: str, refresh: int = 0) -> io.NodeOutput:
        from ..pipelines.editing.load_layers import load_layers
        from ..pipelines.sources.fetch import ImageFetcher
        from ..pipelines.sources.source import SourceLoader, TextSource

        if not url.strip():
            raise InvalidRequest("url is empty. Paste an address, a data URL or base64 text.", field="url")
        device, dtype = comfy.model_management.intermediate_device(), intermediate_dtype()
        limits = Limits.from_environment()
        loader = SourceLoader(limits, ImageFetcher(limits).fetch)
        loaded, _ = await interruptible(load_layers({1: TextSource(url)}, loader, limits, device, dtype))
        return io.NodeOutput(*loaded[1])


def _inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "url",
            placeholder="https://example.com/image.jpg",
            tooltip="An http or https address, a data URL or base64 text. An address is fetched when the "
            "node runs: 30 seconds and 500 MB at most, public addresses only. Long base64 text is saved with "
            "the workflow.",
        ),
        io.Int.Input(
            "refresh",
            optional=True,
            default=0,
            min=0,
            max=2**31 - 1,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Change this number to fetch the address again. With the same number the node keeps what "
            "it fetched before.",
        ),
    ]
