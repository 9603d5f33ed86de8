"""Multi-Edit Model from Parts."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from ..pipelines.catalog.model import AUTO
from .expanded.encoding_cache import SharedEncodings
from .loaded_model import LOADED_MODEL, LoadedModel
from .progress import show_text
from .sampling_inputs import SampledNode, read_sampling, sampled_selection, sampling_inputs

_encodings = SharedEncodings()


class MultiEditModelFromParts(SampledNode):
    """Makes a model for Multi-Edit from those of other loaders."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditModelFromParts",
            display_name="Multi-Edit Model from Parts",
            category="MultiEdit",
            description=(
                "Takes a model, a text encoder and a VAE from any loader or patch (GGUF, nunchaku, LoRA "
                "stacks, ControlNet, torch.compile) for Multi-Edit, with its masks, sizes and caches."
            ),
            search_aliases=["gguf", "nunchaku", "lora stack", "torch compile", "own model", "bundle"],
            inputs=[
                io.Model.Input("model", tooltip="A model of a family that edits images, from any loader."),
                io.Clip.Input("clip", tooltip="The text encoder of that family."),
                io.Vae.Input("vae", tooltip="The VAE of that family."),
                io.Combo.Input(
                    "profile",
                    options=[AUTO, *(profile.id for profile in load_all_profiles())],
                    tooltip="Sampling settings. auto goes by the model's architecture and takes no step LoRA "
                    "to be in it; choose the profile of a distilled model.",
                ),
                *sampling_inputs(),
            ],
            outputs=[
                LOADED_MODEL.Output(
                    "loaded_model", tooltip="Model, text encoder, VAE and profile, for Multi-Edit."
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model: Any, clip: Any, vae: Any, profile: str = AUTO, **widgets: Any) -> io.NodeOutput:
        from .given_parts import select_profile_of

        selection = select_profile_of(model, clip, vae, None if profile == AUTO else profile)
        selection = sampled_selection(selection, read_sampling(widgets))
        show_text(cls, "\n".join(selection.notes))
        encodings = _encodings.of(clip, vae)
        loaded = LoadedModel(selection.profile.model, selection, model, clip, vae, encodings)
        return io.NodeOutput(loaded)
