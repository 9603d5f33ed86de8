"""Edits by a loaded model: their options, and the graph that Multi-Edit expands into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import is_link

from ..pipelines.adapters.comfyui.families import FAMILIES
from ..pipelines.adapters.comfyui.generation_plan import GenerationOptions, GenerationPlan
from ..pipelines.adapters.comfyui.graph_builder import GraphSources
from ..pipelines.adapters.comfyui.profiles.registry import load_profiles
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.catalog.model import TIER_SIDES
from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import Limits
from ..pipelines.common.validation import number
from ..pipelines.planning.model_options import LARGEST_MEGAPIXELS, MEGAPIXEL, SWITCH, option_readers
from .input_safety import require_safe_inputs
from .loaded_model import SOURCES, LoadedModel, require_loaded_model
from .mask_inputs import mask_inputs
from .model_inputs import ratio_input, tier_input
from .progress import page_is_watching
from .selected_model import selection_of

if TYPE_CHECKING:
    from ..pipelines.planning.tensor_plan import EditSettings
    from .edit_mask import MaskedImages

FROM_LOADER = "from loader"
DEFERRED = "MultiEditDeferred"
_SOCKET = "loaded_model"
_UPSAMPLER = "prompt_upsampler"


def upsampler_socket() -> io.Input:
    """The socket for a text generator; raw and lazy, since only what Multi-Edit expands into runs it."""
    return io.Clip.Input(
        _UPSAMPLER,
        optional=True,
        lazy=True,
        raw_link=True,
        tooltip="A text generator that writes the prompt anew from the images before the edit, from Load "
        "CLIP; for FLUX 3 Image Klein only.",
    )


def loaded_model_option() -> io.DynamicCombo.Option:
    """The option for a loaded model, with the widgets of generative models only."""
    models = [load_catalog().get(profile.model) for profile in load_profiles()]
    ratios = dict.fromkeys(ratio for model in models for ratio in model.fixed_ratios)
    tiers = [tier for tier in TIER_SIDES if any(tier in model.tiers for model in models)]
    return io.DynamicCombo.Option(
        FROM_LOADER,
        [
            ratio_input(ratios),
            tier_input(tiers),
            io.Int.Input(
                "batch_size",
                optional=True,
                default=1,
                min=1,
                max=Limits.from_environment().max_batch_size,
                tooltip="Results of one run, as a batch; the first is that of a run with one.",
            ),
            *_memory_inputs(),
            *_speed_inputs(),
            *mask_inputs(),
        ],
    )


def _memory_inputs() -> list[io.Input]:
    return [
        _choice(
            "crop_and_stitch",
            list(SWITCH),
            "With a mask on a large image: edit only the part around the mask, at its own "
            "resolution, and paste it back. auto does so where that spares much.",
        ),
        _megapixels(
            "sampling_megapixels",
            "The area that is sampled; the result is scaled from it. 1 is 1024x1024 pixels, 0 is the plan's. "
            "Less is faster and softer.",
        ),
        _megapixels(
            "reference_megapixels",
            "The area that each image is scaled to before the model sees it; 1 is 1024x1024 pixels, 0 is the "
            "profile's. Less is faster and shows less detail.",
        ),
        _choice(
            "on_out_of_memory",
            ["smaller references", "error"],
            "What happens when the card runs out of memory: another try with smaller references, "
            "or an error.",
        ),
    ]


def _megapixels(name: str, tooltip: str) -> io.Input:
    return io.Float.Input(
        name,
        optional=True,
        default=0.0,
        min=0.0,
        max=LARGEST_MEGAPIXELS,
        step=0.001,
        advanced=True,
        tooltip=tooltip,
    )


def _choice(name: str, options: list[str], tooltip: str) -> io.Input:
    return io.Combo.Input(name, optional=True, options=options, advanced=True, tooltip=tooltip)


def _speed_inputs() -> list[io.Input]:
    return [
        _choice(
            "kv_cache",
            list(SWITCH),
            "Compute the references' attention once for all steps. auto is on for profiles trained "
            "for it; on changes the image of others.",
        ),
        _choice(
            "easy_cache",
            list(SWITCH),
            "Skip steps that change little. Faster with 20 steps and more, and changes the image.",
        ),
    ]


def expand_edit(
    cls: type[io.ComfyNode],
    settings: EditSettings,
    options: GenerationOptions,
    masked: MaskedImages,
    loaded: Any,
    item: int,
    *,
    shows: bool = False,
) -> io.NodeOutput:
    """Plan an edit by a loaded model, and expand into the graph that makes it.

    Args:
        settings: their model is replaced by the loaded one.
        loaded: a LoadedModel, or the link that it will come over, or None where there is no link.
        item: which of a ComfyUI list the arguments are.
        shows: whether a page that looks on sees the result on the node.

    Raises:
        InvalidRequest: no model is connected, or the plan cannot be made (see `plan_tensor_generation`).
        SafetyError: an image does not pass (see `require_safe_inputs`).
    """
    from ..pipelines.adapters.comfyui.tensor_generation import plan_tensor_generation

    require_source(loaded)
    links, node = links_of(cls), cls.hidden.unique_id
    selected = selection_of(cls.hidden.dynprompt, loaded)
    if selected is None:
        return _deferred(links, f"{node}.{item}.late", item)
    model_id, selection = selected
    settings, images = replace(settings, model=model_id), list(masked.images.values())
    generation, frames = plan_tensor_generation(
        settings, images, masked.mask, selection, options, load_catalog()
    )
    if _UPSAMPLER in links and not FAMILIES[selection.profile.family].upsamples:
        raise InvalidRequest(
            f"prompt_upsampler is connected, but {selection.profile.name} takes its prompt as it is. "
            "Disconnect it.",
            field=_UPSAMPLER,
        )
    if selection.loras and not isinstance(loaded, LoadedModel):  # how much of them fits is not known yet
        return _deferred(links, f"{node}.{item}.late", item)
    require_safe_inputs(masked.judged)
    return _expanded(generation, frames, links, masked, f"{node}.{item}.", item, shows=shows)


def require_source(loaded: Any) -> None:
    """Refuse what is neither a loaded model nor the link that it will come over.

    Raises:
        InvalidRequest: nothing is connected, or something else.
    """
    if loaded is None:
        raise InvalidRequest(
            f"model is {FROM_LOADER!r}, but no model is connected. Connect {SOURCES} to "
            "loaded_model, or choose layer-composite.",
            field=_SOCKET,
        )
    if not is_link(loaded):
        require_loaded_model(loaded)


def _expanded(
    generation: GenerationPlan,
    frames: int,
    links: Mapping[str, Any],
    masked: MaskedImages,
    prefix: str,
    item: int,
    *,
    shows: bool,
) -> io.NodeOutput:
    """Expand into the graph of a plan; `prefix` is of its nodes' ids."""
    from ..pipelines.adapters.comfyui.edit_graph import add_report, edit_graph

    mask, converted = _mask_link(masked, links, prefix)
    images = tuple(links[f"image_{number}"] for number in masked.images)
    sources = GraphSources(links[_SOCKET], images, mask, item, upsampler=links.get(_UPSAMPLER))
    made = edit_graph(generation, sources, frames, prefix)
    texts = add_report(made, generation.plan_json, "\n".join([generation.summary, *masked.notes]))
    image, shown = _shown(made.image, images[0], prefix, item) if shows else (made.image, {})
    return io.NodeOutput(image, *texts, expand={**converted, **made.graph.nodes, **shown})


def _shown(image: Any, base: Any, prefix: str, item: int) -> tuple[Any, dict[str, Any]]:
    """The link to the result by way of the node that shows it, and that node, where a page looks on."""
    if not page_is_watching():
        return image, {}
    name = f"{prefix}result"
    inputs = {"image": image, "base": base, "item": item}
    return [name, 0], {name: {"class_type": "MultiEditResult", "inputs": inputs}}


def _deferred(links: Mapping[str, Any], name: str, item: int) -> io.NodeOutput:
    """Expand into a node that runs after the loading, since only then it is known what is loaded."""
    deferred = {name: {"class_type": DEFERRED, "inputs": {**links, "item": item}}}
    return io.NodeOutput([name, 0], [name, 1], [name, 2], expand=deferred)


def _mask_link(masked: MaskedImages, links: Mapping[str, Any], prefix: str) -> tuple[Any, dict[str, Any]]:
    """The link to the mask, and the node that makes it from an image where it is one."""
    if masked.source is None:
        return None if masked.mask is None else links["mask"], {}
    inputs = {"image": links[f"image_{masked.source}"], "channel": "red"}
    name = f"{prefix}mask_of_image"
    return [name, 0], {name: {"class_type": "ImageToMask", "inputs": inputs}}


def links_of(cls: type[io.ComfyNode]) -> Mapping[str, Any]:
    """This node's inputs in the graph: links where the arguments are values."""
    inputs: Mapping[str, Any] = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]
    return inputs


def read_options(widgets: Mapping[str, Any]) -> GenerationOptions:
    """Read the options of a loaded model from the widgets; one that is not sent comes as None.

    Raises:
        InvalidRequest: a number is out of its range, as one of a link can be.
    """
    given = {name: value for name, value in widgets.items() if value is not None}
    readers = option_readers(Limits.from_environment())
    return GenerationOptions(
        batch_size=readers["batch_size"](given.get("batch_size", 1), "batch_size"),
        sampling_pixels=_pixels(given, "sampling_megapixels"),
        reference_pixels=_pixels(given, "reference_megapixels"),
        crop_and_stitch=given.get("crop_and_stitch", "auto"),
        kv_cache=given.get("kv_cache", "auto"),
        easy_cache=given.get("easy_cache", "auto"),
        retry_smaller=given.get("on_out_of_memory") != "error",
    )


def _pixels(widgets: Mapping[str, Any], name: str) -> int | None:
    asked = number(widgets.get(name, 0.0), name, low=0.0, high=LARGEST_MEGAPIXELS)
    return round(asked * MEGAPIXEL) or None
