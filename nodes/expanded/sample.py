"""Sampling, and what happens when it is out of memory."""

from __future__ import annotations

import logging
from typing import Any

import comfy.model_management
from comfy_api.latest import io

import nodes

from ...pipelines.common.errors import EditFailed
from .sockets import inner_schema

_logger = logging.getLogger(__name__)
_FIRST = object()  # there is no attempt before this one


class _Failures:
    """MultiEditSample's count of attempts out of memory: one a process, as ComfyUI's cache is one.

    It is in every attempt's fingerprint: a failed one is never taken from that cache.
    """

    count = 0


class MultiEditSample(io.ComfyNode):
    """ComfyUI's SamplerCustomAdvanced as one of several attempts, each with smaller references."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditSample",
            "Sample",
            "Samples as SamplerCustomAdvanced does, where the attempt before it was out of memory.",
            [
                io.Noise.Input("noise"),
                io.Sampler.Input("sampler"),
                io.Sigmas.Input("sigmas"),
                io.Latent.Input("latent"),
                io.Guider.Input("guider", lazy=True),
                io.Boolean.Input("last", default=True, tooltip="Out of memory is an error."),
                io.Latent.Input(
                    "previous", optional=True, tooltip="Samples of the attempt before; nothing if it failed."
                ),
            ],
            [io.Latent.Output("samples")],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs: Any) -> int:
        return _Failures.count

    @classmethod
    def check_lazy_status(cls, guider: Any = None, previous: Any = _FIRST, **inputs: Any) -> list[str]:
        """References of a smaller size are encoded only where they are needed."""
        return ["guider"] if guider is None and previous in (None, _FIRST) else []

    @classmethod
    def execute(
        cls,
        noise: Any,
        sampler: Any,
        sigmas: Any,
        latent: Any,
        last: bool,
        guider: Any = None,
        previous: Any = _FIRST,
    ) -> io.NodeOutput:
        if previous not in (None, _FIRST):
            return io.NodeOutput(previous)
        samples = _sample(noise, guider, sampler, sigmas, latent)
        if samples is None and last:
            # As ComfyUI does where an out-of-memory error reaches it, which this one does not.
            comfy.model_management.unload_all_models()
            raise EditFailed(
                "Out of memory while sampling. Use fewer or smaller images, a smaller resolution, "
                "crop_and_stitch with a mask, or a profile with fp8 or int8 weights; or start ComfyUI with "
                "--lowvram."
            )
        if samples is None:
            _logger.warning("multi-edit: out of memory while sampling; trying again with smaller references.")
        return io.NodeOutput(samples)


def _sample(noise: Any, guider: Any, sampler: Any, sigmas: Any, latent: Any) -> Any:
    """Sample; None where that is out of memory."""
    sample = nodes.NODE_CLASS_MAPPINGS["SamplerCustomAdvanced"].execute
    try:
        return sample(noise, guider, sampler, sigmas, latent)[0]
    except Exception as error:
        if not comfy.model_management.is_oom(error):
            raise
    # Only now can what the failed attempt held be freed.
    _Failures.count += 1
    comfy.model_management.soft_empty_cache()
    return None
