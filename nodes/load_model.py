"""Load Multi-Edit Model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comfy_api.latest import io

from ..pipelines.catalog.model import AUTO
from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.validation import shown
from ..pipelines.planning.model_options import LARGEST_STRENGTH
from .dynamic_options import UNSENT, refuse_unknown, require_option
from .loaded_model import LOADED_MODEL
from .model_folders import (
    CHOICES,
    file_identities,
    file_identity,
    file_names,
    offered_models,
    own_lora,
    select_loaded,
    select_model,
)
from .progress import show_text

_ALIASES = "A closed model is listed where MULTIEDIT_MODEL_ALIASES names an open one for it."
# ComfyUI's own choice, of its loader of diffusion models.
WEIGHT_DTYPES = ["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"]


class MultiEditLoadModel(io.ComfyNode):
    """Loads a generative model for Multi-Edit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditLoadModel",
            display_name="Load Multi-Edit Model",
            category="MultiEdit",
            description=(
                "Loads a model that edits images by a prompt, with its text encoder and VAE, from "
                "ComfyUI's model folders. Nothing is downloaded: where files are missing, the error lists "
                "them with their folders and where to get them."
            ),
            search_aliases=[
                "load edit model",
                "qwen image edit",
                "flux 2",
                "firered",
                "mage flow",
                "checkpoint",
            ],
            inputs=_inputs(),
            outputs=_outputs(),
            hidden=[io.Hidden.unique_id],
            accept_all_inputs=True,
        )

    @classmethod
    def validate_inputs(
        cls,
        model: Any = UNSENT,
        diffusion_model: str = AUTO,
        text_encoder: str = AUTO,
        vae: str = AUTO,
        lora: str = AUTO,
        text_encoder_2: str = AUTO,
    ) -> bool | str:
        """Before anything runs: an edit must not fail for a missing file after minutes of other work."""
        refusal = refuse_unknown(cls, _ALIASES, model=model)
        if refusal is not True:
            return refusal
        files = (diffusion_model, text_encoder, vae, lora, text_encoder_2)
        try:
            _, selection = select_model(model, dict(zip(CHOICES, files, strict=True)))
        except MultiEditError as error:
            return error.message
        if (own := own_lora(selection, lora)) and own not in file_names("loras"):
            return f"lora {shown(own)} is not in models/loras. Put it there, or set lora to auto."
        return True

    @classmethod
    def fingerprint_inputs(cls, model: dict[str, str] | None = None, **widgets: Any) -> list[str]:
        """Changes with the files: a LoRA that was fetched meanwhile, weights that were replaced."""
        if model is None:
            return []
        model_id, selection = select_model(model, widgets)
        own = own_lora(selection, widgets.get("lora", AUTO))
        loras = [file_identity("loras", own)] if own else []
        return [model_id, selection.profile.id, *file_identities(selection), *loras]

    @classmethod
    def execute(
        cls,
        model: dict[str, str] | None = None,
        weight_dtype: str = "default",
        strength_model: float = 1.0,
        **files: str,
    ) -> io.NodeOutput:
        from .model_loading import load_model

        choice = require_option("model", model)
        model_id, selection = select_loaded(choice, {**files, "strength_model": strength_model})
        show_text(cls, "\n".join(selection.notes))  # a licence is to be read before the model is used
        loaded = load_model(model_id, selection, weight_dtype)
        ui = show_text(cls, "\n".join(loaded.selection.notes))
        return io.NodeOutput(loaded, loaded.model, loaded.clip, loaded.vae, ui=ui)


def _inputs() -> list[io.Input]:
    return [
        io.DynamicCombo.Input(
            "model",
            options=[
                io.DynamicCombo.Option(AUTO, []),
                *(io.DynamicCombo.Option(model, [_profile(ids)]) for model, ids in offered_models().items()),
            ],
            tooltip="The model to load; auto is firered-image-edit where its files are there, else the first "
            "model that has its files.",
        ),
        _file(
            "diffusion_model",
            ("diffusion_models", "checkpoints"),
            "The file of the diffusion model, or of a whole checkpoint.",
        ),
        _file("text_encoder", ("text_encoders",), "The file of the text encoder."),
        _file("vae", ("vae",), "The file of the VAE."),
        _file(
            "lora",
            ("loras",),
            "A LoRA: the step LoRA of a profile, or one of your own in addition.",
        ),
        io.Combo.Input(
            "weight_dtype",
            optional=True,
            options=WEIGHT_DTYPES,
            default="default",
            advanced=True,
            tooltip="The data type of the diffusion model's weights; default is the file's own.",
        ),
        io.Float.Input(
            "strength_model",
            optional=True,
            default=1.0,
            min=-LARGEST_STRENGTH,
            max=LARGEST_STRENGTH,
            step=0.05,
            tooltip="Strength of a LoRA of your own: 1 is as it was trained, 0 is off. A step LoRA is "
            "always at 1.",
        ),
        _file(
            "text_encoder_2",
            ("text_encoders",),
            "The file of the smaller text encoder, of models that have two.",
            advanced=True,
        ),
    ]


def _file(name: str, folders: tuple[str, ...], what: str, advanced: bool = False) -> io.Input:
    return io.Combo.Input(
        name,
        optional=True,
        options=[AUTO, *file_names(*folders)],
        default=AUTO,
        advanced=advanced,
        tooltip=f"{what} auto knows it by its header and name; what it took, and why, stands on the node.",
    )


def _profile(ids: Iterable[str]) -> io.Input:
    return io.Combo.Input(
        "profile",
        options=[AUTO, *ids],
        tooltip="Sampling settings: steps, guidance, step LoRA. auto takes the fastest profile whose files "
        "are there; the plan says why.",
    )


def _outputs() -> list[io.Output]:
    return [
        LOADED_MODEL.Output("loaded_model", tooltip="Model, text encoder, VAE and profile, for Multi-Edit."),
        io.Model.Output("model", tooltip="The diffusion model with its LoRAs, as ComfyUI's loaders give it."),
        io.Clip.Output("clip", tooltip="The text encoder."),
        io.Vae.Output("vae", tooltip="The VAE."),
    ]
