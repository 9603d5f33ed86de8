"""Multi-Edit: the whole edit as one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ..pipelines.adapters.comfyui.profiles.registry import load_profiles
from ..pipelines.adapters.local import LOCAL_MODELS, local_adapters
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import LARGEST_SEED, Limits
from .expanded.sockets import ITEM, inner_schema, select_item
from .generate import DEFERRED, FROM_LOADER, NodeRequest, generated, loaded_model_option
from .inputs import edit_mask, numbered
from .loaded_model import LOADED_MODEL
from .model_inputs import chosen, model_options, offered
from .placement_inputs import per_image_input, placement_inputs, read_per_image, read_placement_inputs
from .progress import reporter
from .provider import find_hosted, hosted_edit, hosted_options, require_offered

_HIDDEN = [io.Hidden.unique_id, io.Hidden.dynprompt]


class MultiEditEdit(io.ComfyNode):
    """Images, a mask and a prompt to an edited image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditEdit",
            display_name="Multi-Edit",
            category="MultiEdit",
            description=(
                "Edits image_1 with the other images, an optional mask and a prompt: by a model of Load "
                "Multi-Edit Model, or by layer-composite, which runs everywhere, composites the images and "
                "changes no pixel by the prompt. Safe mode is the node Safe Mode, after this one."
            ),
            search_aliases=[
                "image edit",
                "edit image",
                "multi image edit",
                "inpaint",
                "prompt edit",
                "combine",
            ],
            inputs=[*_inputs(Limits.from_environment()), _model_socket()],
            outputs=_outputs(),
            hidden=_HIDDEN,
            enable_expand=True,
        )

    @classmethod
    async def execute(
        cls, images: dict[str, Any], mask: Any = None, loaded_model: Any = None, **inputs: Any
    ) -> io.NodeOutput:
        from comfy_execution.utils import get_executing_context

        item = get_executing_context().list_index or 0
        return await _edited(cls, item, images, mask, loaded_model, **inputs)


class MultiEditDeferred(io.ComfyNode):
    """Multi-Edit, planned only once its model is loaded: what Multi-Edit expands into where it must."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        limits = Limits.from_environment()
        return inner_schema(
            DEFERRED,
            "Multi-Edit, planned late",
            "Edits by a loaded model that comes from another node than Load Multi-Edit Model.",
            [*_inputs(limits), LOADED_MODEL.Input("loaded_model"), ITEM],
            _outputs(),
            hidden=_HIDDEN,
            enable_expand=True,
            is_input_list=True,
        )

    @classmethod
    async def execute(cls, item: list[int], **inputs: Any) -> io.NodeOutput:
        return await _edited(cls, item[0], **_meant(inputs, item))


def _meant(value: Any, item: list[int]) -> Any:
    """What `item` says of an input that is a list; dynamic ones hold others, or None where none is sent."""
    if isinstance(value, dict):
        return {name: _meant(part, item) for name, part in value.items()}
    return None if value is None else select_item(value, item)


async def _edited(
    cls: type[io.ComfyNode],
    item: int,
    images: dict[str, Any],
    mask: Any = None,
    loaded_model: Any = None,
    **inputs: Any,
) -> io.NodeOutput:
    """Edit by what was chosen. `item` says which of a ComfyUI list the arguments are."""
    from ..pipelines.editing.edit_tensors import edit_tensors

    if inputs.get("model") is None:
        require_offered(cls)
    asked, pictures = _asked(images, **inputs), numbered("image_", images)
    change = edit_mask(mask, pictures)
    if asked.settings.model == FROM_LOADER:
        return generated(cls, asked, pictures, change, loaded_model, item)
    if hosting := find_hosted(asked.settings.model):
        edited = await hosted_edit(cls, hosting, asked.settings, pictures, change)
    else:
        adapters = local_adapters(Limits.from_environment())
        edited = edit_tensors(
            asked.settings, list(pictures.values()), change, load_catalog(), adapters, reporter()
        )
    return io.NodeOutput(edited.image, edited.plan_json, edited.report)


def _asked(
    images: Mapping[str, Any],
    prompt: str,
    model: dict[str, Any] | None = None,
    seed: int = 0,
    keep_size: bool = False,
    per_image: str = "",
    **others: Any,
) -> NodeRequest:
    """What the widgets ask for."""
    from ..pipelines.planning.tensor_plan import EditSettings

    choice = offered(model)
    roles, placements = (_by_place(entries, images) for entries in read_per_image(per_image))
    settings = EditSettings(
        model=choice["model"],
        prompt=prompt,
        aspect_ratio=chosen(choice, "aspect_ratio"),
        resolution=chosen(choice, "resolution"),
        quality=chosen(choice, "quality"),
        seed=seed,
        keep_size=keep_size,
        placement=read_placement_inputs(others),
        roles=roles,
        placements=placements,
    )
    return NodeRequest(settings, choice)


def _by_place(entries: Mapping[int, Any], images: Mapping[str, Any]) -> dict[int, Any]:
    """Entries by their image's place among those that are there, instead of by its socket.

    Raises:
        InvalidRequest: an entry is of a socket that nothing is connected to.
    """
    for number in entries:
        if f"image_{number}" not in images:
            raise InvalidRequest(
                f"per_image has an entry for image {number}, but nothing is connected to image_{number}. "
                "Connect it, or leave the entry out.",
                field="per_image",
            )
    there = enumerate(numbered("image_", images), start=1)
    return {place: entries[number] for place, number in there if number in entries}


def _inputs(limits: Limits) -> list[io.Input]:
    embedded = [model for model in load_catalog() if model.id in LOCAL_MODELS]
    most = max(entry.max_images for entry in (*embedded, *load_profiles()))
    return [
        io.DynamicCombo.Input(
            "model",
            options=[*model_options(embedded, qualities=True), loaded_model_option(), *hosted_options()],
            tooltip="What makes the edit: layer-composite, which runs everywhere, or the loaded model. Each "
            "offers only the ratios, tiers and options that it takes.",
        ),
        io.String.Input(
            "prompt",
            multiline=True,
            dynamic_prompts=True,
            placeholder="what to do with the images",
            tooltip=f"The edit in words, {limits.max_prompt_characters} characters at most. "
            "layer-composite does not read it.",
        ),
        *_pictures(min(limits.max_images, most)),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=LARGEST_SEED,
            control_after_generate=True,
            tooltip="Start of the model's noise: the same seed gives the same result. layer-composite "
            "uses none.",
        ),
        io.Boolean.Input(
            "keep_size",
            optional=True,
            default=False,
            tooltip="The result has exactly image_1's width and height in pixels; needs aspect_ratio on "
            "auto.",
        ),
        *placement_inputs(advanced=True),
        per_image_input(),
    ]


def _model_socket() -> io.Input:
    # Raw and lazy: the plan is made before the model is loaded, by what the loader's widgets say.
    return LOADED_MODEL.Input(
        "loaded_model",
        optional=True,
        lazy=True,
        raw_link=True,
        tooltip="Of Load Multi-Edit Model; needed where model is the loaded model, and loaded only then.",
    )


def _pictures(count: int) -> list[io.Input]:
    return [
        io.Autogrow.Input(
            "images",
            template=io.Autogrow.TemplateNames(
                io.Image.Input(
                    "image",
                    tooltip="image_1 is the base; the others are overlays for layer-composite and "
                    "references for a model that reads the prompt. One frame, or as many as the "
                    "longest batch.",
                ),
                names=[f"image_{number}" for number in range(1, count + 1)],
                min=1,
            ),
            tooltip=f"1 to {count} images, the base first. Batches are edited frame by frame.",
        ),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="Where the base may change: 1 = change here, as the mask editor paints it; where it "
            "is 0 the base keeps its pixels, bit for bit. Of any size, stretched over image_1. The "
            "empty 64x64 mask of Load Image is no mask.",
        ),
    ]


def _outputs() -> list[io.Output]:
    return [
        io.Image.Output("image", tooltip="The edited image, as many frames as the longest batch."),
        io.String.Output("plan", tooltip="Everything that was decided, as JSON."),
        io.String.Output("report", tooltip="Model, size and what was inferred, a line each."),
    ]
