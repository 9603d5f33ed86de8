"""Multi-Edit LoRA."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..pipelines.adapters.comfyui.profiles.sampling import with_lora
from ..pipelines.planning.model_options import LARGEST_STRENGTH
from .loaded_model import LOADED_MODEL, LoadedModel, require_loaded_model
from .model_folders import file_identity, file_names
from .progress import show_text


class MultiEditLora(io.ComfyNode):
    """Adds a LoRA to a loaded model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditLora",
            display_name="Multi-Edit LoRA",
            category="MultiEdit",
            description=(
                "Adds a LoRA to a loaded model; for several, one after the other. One of which nothing fits "
                "the model is an error, one that fits in part a warning here and in the summary."
            ),
            search_aliases=["lora", "load lora", "lora stack", "lora loader", "style lora"],
            inputs=[
                LOADED_MODEL.Input(
                    "loaded_model",
                    tooltip="From Load Multi-Edit Model, Multi-Edit Model from Parts or another "
                    "Multi-Edit LoRA.",
                ),
                io.Combo.Input(
                    "lora_name", options=file_names("loras"), tooltip="A file of ComfyUI's folder loras."
                ),
                io.Float.Input(
                    "strength_model",
                    default=1.0,
                    min=-LARGEST_STRENGTH,
                    max=LARGEST_STRENGTH,
                    step=0.05,
                    tooltip="1 is as the LoRA was trained, 0 is off.",
                ),
            ],
            outputs=[LOADED_MODEL.Output("loaded_model", tooltip="The model with the LoRA, for Multi-Edit.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None = None, **others: Any) -> str:
        """Changes with the file; a linked name is not known yet."""
        return file_identity("loras", lora_name) if lora_name else ""

    @classmethod
    def execute(cls, loaded_model: LoadedModel, lora_name: str, strength_model: float) -> io.NodeOutput:
        from .lora_loading import add_lora

        require_loaded_model(loaded_model)
        selection = with_lora(loaded_model.selection, lora_name, strength_model)
        if selection is loaded_model.selection:
            return io.NodeOutput(loaded_model)
        title = selection.profile.name
        model, warnings = add_lora(loaded_model.model, lora_name, strength_model, title)
        if warnings:
            show_text(cls, "\n".join(warnings))
        selection = replace(selection, notes=(*selection.notes, *warnings))
        return io.NodeOutput(replace(loaded_model, selection=selection, model=model))
