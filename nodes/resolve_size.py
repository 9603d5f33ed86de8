"""Resolve Size."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..pipelines.catalog.lookup import load_catalog
from .inputs import size_of
from .model_inputs import chosen, known_models, model_input, offered
from .progress import show_text


class MultiEditResolveSize(io.ComfyNode):
    """The size that a model makes for a ratio and a tier."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditResolveSize",
            display_name="Resolve Size",
            category="MultiEdit",
            description=(
                "Says which width and height a model makes for an aspect ratio and a resolution tier, on its "
                "own grid of pixels, and why. Every model of the catalogue can be asked, also those that do "
                "not run on this machine."
            ),
            search_aliases=[
                "aspect ratio",
                "resolution",
                "image size",
                "1k 2k 4k",
                "width height",
                "latent size",
            ],
            inputs=[
                model_input(
                    known_models(),
                    "The model whose sizes are wanted; each offers only the ratios and tiers that it takes.",
                    qualities=False,
                ),
                io.Boolean.Input(
                    "keep_size",
                    optional=True,
                    default=False,
                    tooltip="The result has exactly the image's width and height in pixels; needs the image, "
                    "and aspect_ratio on auto.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The first image: gives the ratio where aspect_ratio is auto, and the size for "
                    "keep_size.",
                ),
            ],
            outputs=[
                io.Int.Output("width", tooltip="Pixels."),
                io.Int.Output("height", tooltip="Pixels."),
                io.String.Output("aspect_ratio", tooltip="The ratio that the model works at, such as 16:9."),
                io.String.Output(
                    "resolution", tooltip="The effective tier, 1K, 2K or 4K; empty for a model without tiers."
                ),
                io.String.Output("notes", tooltip="What was inferred, dropped or estimated, a line each."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, model: dict[str, Any] | None = None, keep_size: bool = False, image: Any = None
    ) -> io.NodeOutput:
        from ..pipelines.planning.size import resolve_size

        asked = offered(model)
        size = resolve_size(
            load_catalog().get(asked["model"]),
            chosen(asked, "aspect_ratio"),
            chosen(asked, "resolution"),
            None if image is None else size_of(image),
            keep_size=keep_size,
        )
        notes = "\n".join(size.notes)
        text = show_text(cls, f"{size.width} x {size.height} pixels\n{notes}")
        return io.NodeOutput(size.width, size.height, size.aspect_ratio, size.tier or "", notes, ui=text)
