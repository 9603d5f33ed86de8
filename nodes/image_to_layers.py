"""Image to Layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import is_link
from comfy_execution.utils import get_executing_context

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import LARGEST_SEED
from ..pipelines.planning.model_options import MEGAPIXEL
from .input_safety import require_safe_inputs
from .loaded_model import LOADED_MODEL, require_loaded_model
from .loaded_model_edit import links_of
from .selected_model import selection_of
from .socket_values import LAYERS, size_of

if TYPE_CHECKING:
    from torch import Tensor

LAYERS_DEFERRED = "MultiEditLayersDeferred"
_MOST_LAYERS = 16


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
            inputs=[_loaded_model(), *split_inputs()],
            outputs=split_outputs(),
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        return split_image(cls, get_executing_context().list_index or 0, **inputs)


def split_image(
    cls: type[io.ComfyNode],
    item: int,
    loaded_model: Any,
    image: Any,
    prompt: str = "",
    layers: int = 3,
    seed: int = 0,
    sampling_megapixels: float = 0.0,
) -> io.NodeOutput:
    """Plan the splitting of an image, and expand into the graph that does it.

    Args:
        item: which of a ComfyUI list the arguments are.
        loaded_model: a LoadedModel, or the link that it will come over.

    Raises:
        InvalidRequest: it is no model, or one that makes no layers (see `plan_layers`), or the image is a
            batch.
    """
    from ..pipelines.adapters.comfyui.layers_graph import layers_graph, plan_layers
    from ..pipelines.images.tensor_input import image_tensor

    own = _require_one(image_tensor(image, "image"))
    if not is_link(loaded_model):
        require_loaded_model(loaded_model)
    links, prefix = links_of(cls), f"{cls.hidden.unique_id}.{item}."
    selected = selection_of(cls.hidden.dynprompt, loaded_model)
    if selected is None:
        return _deferred(links, f"{prefix}late", item)
    pixels = round(sampling_megapixels * MEGAPIXEL) or None
    selection = selected[1]
    plan = plan_layers(selection, size_of(own), layers, prompt, seed, pixels)
    if selection.loras and is_link(loaded_model):  # how much of them fits is not known yet
        return _deferred(links, f"{prefix}late", item)
    require_safe_inputs({"image": own})
    graph, document, images = layers_graph(plan, links["loaded_model"], links["image"], item, prefix)
    return io.NodeOutput(document, images, plan.summary, expand=graph.nodes)


def _deferred(links: Mapping[str, Any], name: str, item: int) -> io.NodeOutput:
    """Expand into a node that runs after the loading, since only then it is known what is loaded."""
    deferred = {name: {"class_type": LAYERS_DEFERRED, "inputs": {**links, "item": item}}}
    return io.NodeOutput([name, 0], [name, 1], [name, 2], expand=deferred)


def _require_one(image: Tensor) -> Tensor:
    if len(image) != 1:
        raise InvalidRequest(
            f"image has {len(image)} images; the limit is 1. Send them one by one, as a list.", field="image"
        )
    return image


def _loaded_model() -> io.Input:
    # Raw and lazy, as that of Multi-Edit: another model is refused before it is loaded.
    return LOADED_MODEL.Input(
        "loaded_model",
        lazy=True,
        raw_link=True,
        tooltip="qwen-image-layered, from Load Multi-Edit Model or Multi-Edit Model from Parts.",
    )


def split_inputs() -> list[io.Input]:
    """What is split, and how: all inputs but the model."""
    return [
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


def split_outputs() -> list[io.Output]:
    """The layers as a document and as a batch, and the summary."""
    return [
        LAYERS.Output("layers", tooltip="The layers, the bottom one first, each over the whole image."),
        io.Image.Output(
            "images", tooltip="The layers as a batch of RGBA images, as large as they were sampled."
        ),
        io.String.Output("summary", tooltip="Model, sizes and what was decided, one line each."),
    ]
