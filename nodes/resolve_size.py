"""Resolve Size."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..pipelines.adapters.local import LOCAL_MODELS
from ..pipelines.catalog.lookup import load_catalog
from .dynamic_options import UNSENT, refuse_unknown, require_option
from .model_inputs import model_options, snap_ratio_input, unless_auto
from .progress import show_text
from .socket_values import size_of


class MultiEditResolveSize(io.ComfyNode):
    """Resolve the output size of a model for a ratio and a tier."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        # The first option is the default: a model that runs everywhere.
        local_first = sorted(load_catalog(), key=lambda model: model.id not in LOCAL_MODELS)
        return io.Schema(
            node_id="MultiEditResolveSize",
            display_name="Resolve Size",
            category="MultiEdit",
            description=(
                "Shows the output width and height of a model for an aspect ratio and a resolution tier, on "
                "its own pixel grid, and why. Lists every model of the catalogue, also those that do not "
                "run on this machine."
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
                io.DynamicCombo.Input(
                    "model",
                    options=model_options(local_first, qualities=False),
                    tooltip="The model to resolve the size for; each offers only the ratios and tiers that "
                    "it takes.",
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
                snap_ratio_input(),
            ],
            outputs=[
                io.Int.Output("width", tooltip="Pixels."),
                io.Int.Output("height", tooltip="Pixels."),
                io.String.Output("aspect_ratio", tooltip="The ratio that the model works at, such as 16:9."),
                io.String.Output(
                    "resolution", tooltip="The effective tier, 1K, 2K or 4K; empty for a model without tiers."
                ),
                io.String.Output("notes", tooltip="What was inferred, dropped or estimated, one line each."),
            ],
            hidden=[io.Hidden.unique_id],
            accept_all_inputs=True,
        )

    @classmethod
    def validate_inputs(cls, model: Any = UNSENT, keep_size: Any = None) -> bool | str:
        return refuse_unknown(cls, model=model)

    @classmethod
    def execute(
        cls,
        model: dict[str, Any] | None = None,
        keep_size: bool = False,
        image: Any = None,
        snap_ratio: bool = False,
        **others: Any,
    ) -> io.NodeOutput:
        from ..pipelines.planning.size import resolve_size

        choice = require_option("model", model)
        size = resolve_size(
            load_catalog().get(choice["model"]),
            unless_auto(choice, "aspect_ratio"),
            unless_auto(choice, "resolution"),
            None if image is None else size_of(image),
            keep_size=keep_size,
            snap_ratio=snap_ratio,
        )
        notes = "\n".join(size.notes)
        text = show_text(cls, f"{size.width} x {size.height} pixels\n{notes}")
        return io.NodeOutput(size.width, size.height, size.aspect_ratio, size.tier or "", notes, ui=text)
