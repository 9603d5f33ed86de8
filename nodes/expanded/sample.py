"""Sampling, and what happens when the memory is full."""

from __future__ import annotations

import json
import logging
from typing import Any

from comfy_api.latest import io

from .sockets import inner_schema

_logger = logging.getLogger(__name__)


class MultiEditSample(io.ComfyNode):
    """ComfyUI's SamplerCustomAdvanced, with a smaller step to go on with on a full memory."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditSample",
            "Sample",
            "Samples as SamplerCustomAdvanced does. On a full memory it goes on with smaller references.",
            [
                io.Noise.Input("noise"),
                io.Guider.Input("guider"),
                io.Sampler.Input("sampler"),
                io.Sigmas.Input("sigmas"),
                io.Latent.Input("latent"),
                io.String.Input("smaller", default="", tooltip="Nodes of the smaller step, as JSON."),
            ],
            [io.Latent.Output("samples")],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls, noise: Any, guider: Any, sampler: Any, sigmas: Any, latent: Any, smaller: str
    ) -> io.NodeOutput:
        import comfy.model_management

        samples = _sampled(noise, guider, sampler, sigmas, latent)
        if samples is not None:
            return io.NodeOutput(samples)
        if not smaller:
            # As ComfyUI does where an error of full memory reaches it, which this one does not.
            comfy.model_management.unload_all_models()
            raise _too_large()
        step = json.loads(smaller)
        _logger.warning("multi-edit: the memory is full; trying again with smaller references.")
        return io.NodeOutput(step["samples"], expand=step["nodes"])


def _sampled(noise: Any, guider: Any, sampler: Any, sigmas: Any, latent: Any) -> Any:
    """The samples, or None where the memory is full."""
    import comfy.model_management

    import nodes

    sample = nodes.NODE_CLASS_MAPPINGS["SamplerCustomAdvanced"].execute
    try:
        return sample(noise, guider, sampler, sigmas, latent)[0]
    except Exception as error:
        if not comfy.model_management.is_oom(error):
            raise
    # Only now is what the failed attempt held free to go.
    comfy.model_management.soft_empty_cache()
    return None


def _too_large() -> Exception:
    from ...pipelines.common.errors import EditFailed

    return EditFailed(
        "The memory is full while sampling. Use fewer or smaller images, a smaller resolution, "
        "crop_and_stitch with a mask, or a profile with fp8 or int8 weights; or start ComfyUI with --lowvram."
    )
