"""Load Multi-Edit Model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..pipelines.catalog.model import AUTO
from ..pipelines.common.errors import InvalidRequest, MultiEditError
from .loaded_model import LOADED_MODEL
from .model_folders import file_identities, file_identity, offered_models, select_model
from .progress import show_text

NO_LORA = "none"
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
        )

    @classmethod
    def validate_inputs(cls, model: dict[str, str] | None = None) -> bool | str:
        """Before anything runs: an edit must not fail for a missing file after minutes of other work."""
        if model is None or not isinstance(model.get("model"), str):  # linked, not known yet
            return True
        try:
            select_model(model)
        except MultiEditError as error:
            return error.message
        return True

    @classmethod
    def fingerprint_inputs(
        cls, model: dict[str, str] | None = None, lora: str | None = None, **others: Any
    ) -> list[str]:
        """Changes with the files: a LoRA that was fetched meanwhile, weights that were replaced."""
        own = [] if lora in (None, NO_LORA) else [file_identity("loras", lora)]
        if model is None:
            return own
        model_id, selection = select_model(model)
        return [model_id, selection.profile.id, *file_identities(selection), *own]

    @classmethod
    def execute(
        cls,
        model: dict[str, str] | None = None,
        weight_dtype: str = "default",
        lora: str = NO_LORA,
        strength_model: float = 1.0,
    ) -> io.NodeOutput:
        if model is None:  # ComfyUI silently drops a dynamic combo's value that is not an option
            raise InvalidRequest(
                "model is not an option of this node. Choose one from its list; a closed model is listed "
                "where MULTIEDIT_MODEL_ALIASES names an open one for it.",
                field="model",
            )
        from .model_loading import load_model, with_lora

        model_id, selection = select_model(model)
        shown = show_text(cls, "\n".join(selection.notes))  # a licence is to be read before the model is used
        loaded = with_lora(load_model(model_id, selection, weight_dtype), lora, strength_model)
        return io.NodeOutput(loaded, loaded.model, loaded.clip, loaded.vae, ui=shown)


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
        io.Combo.Input(
            "weight_dtype",
            optional=True,
            options=WEIGHT_DTYPES,
            default="default",
            advanced=True,
            tooltip="The data type of the diffusion model's weights; default is the file's own.",
        ),
        io.Combo.Input(
            "lora",
            optional=True,
            options=[NO_LORA, *folder_paths.get_filename_list("loras")],
            default=NO_LORA,
            tooltip="A LoRA of your own, in addition to the step LoRA of the profile.",
        ),
        io.Float.Input(
            "strength_model",
            optional=True,
            default=1.0,
            min=-10.0,
            max=10.0,
            step=0.05,
            tooltip="Strength of your own LoRA: 1 is as it was trained, 0 is off.",
        ),
    ]


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
