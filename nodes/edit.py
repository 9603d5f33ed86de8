"""Multi-Edit: the whole edit as one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from comfy_api.latest import io
from comfy_execution.utils import get_executing_context

from ..pipelines.adapters.comfyui.profiles.registry import load_profiles
from ..pipelines.adapters.local import LOCAL_MODELS, local_adapters
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import LARGEST_SEED, Limits
from .dynamic_options import UNSENT, refuse_unknown, require_option
from .edit_mask import MaskedImages, find_mask
from .extend import extend_input, read_extend_text
from .input_safety import require_safe_inputs
from .loaded_model import LOADED_MODEL
from .loaded_model_edit import FROM_LOADER, expand_edit, loaded_model_option, read_options, upsampler_socket
from .mask_inputs import read_mask_options
from .model_inputs import model_options, snap_ratio_input, unless_auto
from .placement_inputs import (
    per_image_input,
    placement_inputs,
    placement_of,
    read_per_image,
    require_sockets,
)
from .progress import interruptible_torch, progress_callback, show_text
from .provider import edit_at_provider, find_provider, provider_options
from .result_pictures import is_screened_later, result_pictures
from .socket_values import output_tensor, split_sockets, values_by_number
from .stage_pictures import TOLD_AGAIN, stage_pictures

if TYPE_CHECKING:
    from torch import Tensor

    from ..pipelines.editing.edit_tensors import EditedTensors
    from ..pipelines.planning.tensor_plan import EditSettings

_Entry = TypeVar("_Entry")

_CLOSED_MODELS = (
    "Closed models are listed where MULTIEDIT_PROVIDER_URL and MULTIEDIT_PROVIDER_KEY are set for ComfyUI."
)
HIDDEN = [io.Hidden.unique_id, io.Hidden.dynprompt]


class MultiEditEdit(io.ComfyNode):
    """Edit images by a prompt and a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditEdit",
            display_name="Multi-Edit",
            category="MultiEdit",
            description=(
                "Edits image_1 with the other images, an optional mask and a prompt: with a model of Load "
                "Multi-Edit Model, or with layer-composite, which runs everywhere, composites the images and "
                "does not read the prompt. For safe mode put the node Safe Mode after this one."
            ),
            search_aliases=[
                "image edit",
                "edit image",
                "multi image edit",
                "inpaint",
                "outpaint",
                "prompt edit",
                "combine",
                "place image",
                "logo",
                "sticker",
                "watermark",
                "mockup",
                "photoshop",
            ],
            inputs=[*edit_inputs(), _model_socket(), upsampler_socket()],
            outputs=edit_outputs(),
            hidden=HIDDEN,
            enable_expand=True,
            accept_all_inputs=True,
            **TOLD_AGAIN,
        )

    @classmethod
    def validate_inputs(cls, model: Any = UNSENT, prompt: Any = None) -> bool | str:
        return refuse_unknown(cls, _CLOSED_MODELS, model=model)

    @classmethod
    async def execute(cls, **inputs: Any) -> io.NodeOutput:
        return await run_edit(cls, get_executing_context().list_index or 0, **inputs)


async def run_edit(
    cls: type[io.ComfyNode],
    item: int,
    model: dict[str, Any] | None = None,
    loaded_model: Any = None,
    prompt_upsampler: Any = None,
    **inputs: Any,
) -> io.NodeOutput:
    """Edit by the selected model. `item` is the place of the arguments in a ComfyUI list."""
    choice = require_option("model", model)
    settings, masked = _read(choice, **inputs)
    for note in masked.notes:
        show_text(cls, note)
    if settings.model == FROM_LOADER:
        # It judges by itself: a deferred edit comes here twice.
        options, shows = read_options(choice), not is_screened_later(cls)
        expanded = expand_edit(cls, settings, options, masked, loaded_model, item, shows=shows)
        return io.NodeOutput(*expanded.args, expand=expanded.expand, ui=_shown(cls, masked))
    if prompt_upsampler is not None:
        raise InvalidRequest(
            f"prompt_upsampler is connected, but {settings.model} takes its prompt as it is. Disconnect it.",
            field="prompt_upsampler",
        )
    require_safe_inputs(masked.judged)
    edited = await _edit_now(cls, settings, masked.images, masked.mask)
    summary = "\n".join([edited.summary, *masked.notes])
    image = output_tensor(edited.image)
    after = None if is_screened_later(cls) else image
    return io.NodeOutput(image, edited.plan_json, summary, ui=_shown(cls, masked, after))


def _shown(cls: type[io.ComfyNode], masked: MaskedImages, after: Any = None) -> dict[str, Any] | None:
    """What the page sees on the node: the images, the mask, and the result `after` beside the base."""
    images = {number: (image, None) for number, image in masked.given.items()}
    base = next(iter(masked.images.values()))
    return {**stage_pictures(cls, images, mask=masked.mask), **result_pictures(after, base)} or None


def _read(
    choice: Mapping[str, Any],
    prompt: str,
    seed: int = 0,
    mask: Any = None,
    keep_size: bool = False,
    per_image: str = "",
    snap_ratio: bool = False,
    extend: str = "",
    **others: Any,
) -> tuple[EditSettings, MaskedImages]:
    """Read the widgets, the images and the mask; `choice` is what is chosen at `model`, and below it."""
    from ..pipelines.images.tensor_input import image_tensors
    from ..pipelines.planning.tensor_plan import EditSettings

    sockets, fields = split_sockets(others)
    shared = placement_of(fields)
    roles, placements = read_per_image(per_image, shared)
    require_sockets({*roles, *placements}, sockets)
    images = image_tensors(values_by_number("image_", sockets), "image_{}")
    masked = find_mask(mask, images, roles, interprets_prompt=choice["model"] not in LOCAL_MODELS)
    settings = EditSettings(
        model=choice["model"],
        prompt=prompt,
        aspect_ratio=unless_auto(choice, "aspect_ratio"),
        resolution=unless_auto(choice, "resolution"),
        quality=unless_auto(choice, "quality"),
        seed=seed,
        keep_size=keep_size,
        snap_ratio=snap_ratio,
        extend=read_extend_text(extend, next(iter(masked.images.values()))),
        placement=shared,
        roles=_by_place(roles, masked.images),
        placements=_by_place(placements, masked.images),
        mask_options=read_mask_options(choice),
    )
    return settings, masked


async def _edit_now(
    cls: type[io.ComfyNode], settings: EditSettings, images: Mapping[int, Tensor], mask: Tensor | None
) -> EditedTensors:
    """Edit at the provider or on this machine, without expanding into a graph."""
    from ..pipelines.editing.edit_tensors import edit_tensors

    if registry := find_provider(settings.model):
        return await edit_at_provider(cls, registry, settings, images, mask)
    adapters = local_adapters(Limits.from_environment())
    batches = list(images.values())
    with interruptible_torch():
        return edit_tensors(settings, batches, mask, load_catalog(), adapters, progress_callback())


def _by_place(entries: Mapping[int, _Entry], images: Mapping[int, Tensor]) -> dict[int, _Entry]:
    """Entries by their image's place among the connected ones, instead of by its socket number."""
    return {place: entries[number] for place, number in enumerate(images, start=1) if number in entries}


def edit_inputs() -> list[io.Input]:
    limits = Limits.from_environment()
    embedded = [model for model in load_catalog() if model.id in LOCAL_MODELS]
    most = max(entry.max_images for entry in (*embedded, *load_profiles()))
    return [
        io.DynamicCombo.Input(
            "model",
            options=[*model_options(embedded, qualities=True), loaded_model_option(), *provider_options()],
            tooltip="The model: layer-composite, which runs everywhere, or the one of loaded_model. Each "
            "offers only the ratios, tiers and options that it takes.",
        ),
        io.String.Input(
            "prompt",
            multiline=True,
            dynamic_prompts=True,
            placeholder="describe the edit",
            tooltip=f"The edit instruction, {limits.max_prompt_characters} characters at most. "
            "layer-composite does not read it.",
        ),
        *_image_sockets(min(limits.max_images, most)),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=LARGEST_SEED,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of the noise: the same seed gives the same result. layer-composite does not use "
            "it; for further results of another model set the control below to randomize.",
        ),
        io.Boolean.Input(
            "keep_size",
            optional=True,
            default=False,
            tooltip="The result has exactly image_1's width and height in pixels; needs aspect_ratio on "
            "auto.",
        ),
        *placement_inputs(advanced=True),
        per_image_input(roles=True),
        snap_ratio_input(),
        extend_input(),
    ]


def _model_socket() -> io.Input:
    # Raw and lazy: the plan is made before the model is loaded, by what the loader's widgets say.
    return LOADED_MODEL.Input(
        "loaded_model",
        optional=True,
        lazy=True,
        raw_link=True,
        tooltip="From Load Multi-Edit Model or Multi-Edit Model from Parts; needed where model is from "
        "loader, and loaded only then.",
    )


def _image_sockets(count: int) -> list[io.Input]:
    further = (
        io.Image.Input(
            f"image_{number}",
            optional=True,
            tooltip="An overlay for layer-composite, a reference for a model that reads the prompt; a black "
            "and white image is the mask if none is connected. RGB or RGBA; one frame, or as many as the "
            "longest batch.",
        )
        for number in range(2, count + 1)
    )
    return [
        io.Image.Input(
            "image_1",
            tooltip="The base, RGB or RGBA. One frame, or as many as the longest batch, which is edited "
            "frame by frame.",
        ),
        *further,
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="The area to edit: 1 = change, as the mask editor paints it; 0 = keep, the base's pixels "
            "stay bit for bit. Any size, stretched to image_1. The empty 64x64 mask of Load Image counts "
            "as no mask.",
        ),
    ]


def edit_outputs() -> list[io.Output]:
    return [
        io.Image.Output("image", tooltip="The edited image, as many frames as the longest batch."),
        io.String.Output("plan", tooltip="The complete plan of the edit, as JSON."),
        io.String.Output("summary", tooltip="Model, size and what was inferred, one line each."),
    ]
