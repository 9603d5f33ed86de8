"""Multi-Edit Sampling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from .loaded_model import LOADED_MODEL, LoadedModel, require_loaded_model
from .sampling_inputs import SampledNode, read_sampling, sampled_selection, sampling_inputs


class MultiEditSampling(SampledNode):
    """Changes how a loaded model samples."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSampling",
            display_name="Multi-Edit Sampling",
            category="MultiEdit",
            description=(
                "Changes steps, guidance, sampler, scheduler or negative prompt of a loaded model. As it "
                "comes it changes nothing; every change is in the plan."
            ),
            search_aliases=["steps", "cfg", "sampler", "scheduler", "negative prompt", "denoise", "ksampler"],
            inputs=[
                LOADED_MODEL.Input(
                    "loaded_model",
                    tooltip="From Load Multi-Edit Model, Multi-Edit Model from Parts or Multi-Edit LoRA.",
                ),
                *sampling_inputs(),
            ],
            outputs=[LOADED_MODEL.Output("loaded_model", tooltip="The same model, for Multi-Edit.")],
        )

    @classmethod
    def execute(cls, loaded_model: LoadedModel, **widgets: Any) -> io.NodeOutput:
        require_loaded_model(loaded_model)
        selection = sampled_selection(loaded_model.selection, read_sampling(widgets))
        return io.NodeOutput(replace(loaded_model, selection=selection))
