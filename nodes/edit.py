"""Multi-Edit: the whole edit as one node."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..pipelines.adapters.embedded import EMBEDDED_MODELS, embedded_adapters
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.limits import LARGEST_SEED, Limits
from .inputs import edit_mask, numbered_images
from .models import chosen, model_input, offered
from .placing import placement_inputs, read_placement_inputs
from .progress import reporter


class MultiEditEdit(io.ComfyNode):
    """Images, a mask and a prompt to an edited image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditEdit",
            display_name="Multi-Edit",
            category="MultiEdit",
            description=(
                "Edits image_1 with the other images, an optional mask and a prompt. Offers only the models "
                "that can run on this machine; layer-composite always can: it composites the images and "
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
            inputs=_inputs(Limits.from_environment()),
            outputs=_outputs(),
        )

    @classmethod
    def execute(
        cls,
        prompt: str,
        images: dict[str, Any],
        model: dict[str, Any] | None = None,
        mask: Any = None,
        seed: int = 0,
        keep_size: bool = False,
        **placement: Any,
    ) -> io.NodeOutput:
        from ..pipelines.edit_tensors import EditSettings, edit_tensors

        asked = offered(model)
        settings = EditSettings(
            model=asked["model"],
            prompt=prompt,
            aspect_ratio=chosen(asked, "aspect_ratio"),
            resolution=chosen(asked, "resolution"),
            quality=chosen(asked, "quality"),
            seed=seed,
            keep_size=keep_size,
            placement=read_placement_inputs(placement),
        )
        pictures = numbered_images(images)
        edited = edit_tensors(
            settings,
            pictures,
            edit_mask(mask, pictures),
            load_catalog(),
            embedded_adapters(Limits.from_environment()),
            reporter(),
        )
        return io.NodeOutput(edited.image, edited.plan_json, edited.report)


def _inputs(limits: Limits) -> list[io.Input]:
    models = [model for model in load_catalog() if model.id in EMBEDDED_MODELS]
    count = min(limits.max_images, max(model.max_images for model in models))
    return [
        model_input(
            models,
            "The model that makes the edit; each offers only the ratios, tiers and qualities that it takes.",
            qualities=True,
        ),
        io.String.Input(
            "prompt",
            multiline=True,
            dynamic_prompts=True,
            placeholder="what to do with the images",
            tooltip=f"The edit in words, {limits.max_prompt_characters} characters at most. "
            "layer-composite does not read it.",
        ),
        *_pictures(count),
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
    ]


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
