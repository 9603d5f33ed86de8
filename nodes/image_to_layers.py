"""Image to Layers."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from comfy_execution.graph_utils import is_link
from comfy_execution.utils import get_executing_context

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import LARGEST_SEED
from .loaded_model import LOADED_MODEL
from .loaded_model_edit import links_of, require_loaded_model
from .selected_model import selection_of
from .socket_values import LAYERS, size_of

_MOST_LAYERS = 16
_MEGAPIXEL = 1024 * 1024


class MultiEditImageToLayers(io.ComfyNode):
    """Split an image into layers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditImageToLayers",
            display_name="Image to Layers",
            category="MultiEdit",
            description=(
                "Splits one image into layers with transparency, by Qwen-Image-Layered: choose "
                "qwen-image-layered on Load Multi-Edit Model. The layers lie over each other as the image "
                "shows them; Compose Layers takes them, and core's layer nodes."
            ),
            search_aliases=[
                "split into layers",
                "decompose",
                "qwen image layered",
                "separate background",
                "layers",
                "photoshop",
            ],
            inputs=_inputs(),
            outputs=_outputs(),
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls,
        loaded_model: Any,
        image: Any,
        prompt: str = "",
        layers: int = 3,
        seed: int = 0,
        sampling_megapixels: float = 0.0,
    ) -> io.NodeOutput:
        from ..pipelines.adapters.comfyui.layers_graph import layers_graph, plan_layers

        _require_one(image)
        if not is_link(loaded_model):
            require_loaded_model(loaded_model)
        selected = selection_of(cls.hidden.dynprompt, loaded_model)
        if selected is None:
            raise InvalidRequest(
                "loaded_model does not come from Load Multi-Edit Model. Connect that node itself.",
                field="loaded_model",
            )
        pixels = round(sampling_megapixels * _MEGAPIXEL) or None
        plan = plan_layers(selected[1], size_of(image), layers, prompt, seed, pixels)
        links, item = links_of(cls), get_executing_context().list_index or 0
        graph, document, images = layers_graph(
            plan, links["loaded_model"], links["image"], item, f"{cls.hidden.unique_id}.{item}."
        )
        return io.NodeOutput(document, images, plan.summary, expand=graph.nodes)


def _require_one(image: Any) -> None:
    if len(image) != 1:
        raise InvalidRequest(
            f"image has {len(image)} images; the limit is 1. Send them one by one, as a list.", field="image"
        )


def _inputs() -> list[io.Input]:
    return [
        # Raw and lazy, as that of Multi-Edit: another model is refused before it is loaded.
        LOADED_MODEL.Input(
            "loaded_model",
            lazy=True,
            raw_link=True,
            tooltip="qwen-image-layered, from Load Multi-Edit Model.",
        ),
        io.Image.Input("image", tooltip="The image to split, RGB or RGBA, one frame."),
        io.String.Input(
            "prompt",
            optional=True,
            multiline=True,
            placeholder="what the image shows (may stay empty)",
            tooltip="What the whole image shows, also what is half hidden. It does not say what goes on "
            "which layer.",
        ),
        io.Int.Input(
            "layers",
            optional=True,
            default=3,
            min=1,
            max=_MOST_LAYERS,
            tooltip="How many layers. Each one takes as much memory and time as an image.",
        ),
        io.Int.Input(
            "seed",
            optional=True,
            default=0,
            min=0,
            max=LARGEST_SEED,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of the noise: the same seed gives the same layers.",
        ),
        io.Float.Input(
            "sampling_megapixels",
            optional=True,
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.001,
            advanced=True,
            tooltip="The area that is sampled; the layers are scaled to the image's size from it. 1 is "
            "1024x1024 pixels, 0 is the 640x640 that the model is best at.",
        ),
    ]


def _outputs() -> list[io.Output]:
    return [
        LAYERS.Output("layers", tooltip="The layers, the bottom one first, each over the whole image."),
        io.Image.Output(
            "images", tooltip="The layers as a batch of RGBA images, as large as they were sampled."
        ),
        io.String.Output("summary", tooltip="Model, sizes and what was decided, one line each."),
    ]
