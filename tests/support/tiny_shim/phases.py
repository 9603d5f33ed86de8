"""Counts of the expensive phases of an edit, and trouble in them on request."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import comfy.model_management as management
import comfy.sd
from comfy.model_base import BaseModel
from comfy.sd1_clip import SDClipModel
from comfy.text_encoders.qwen3vl import Qwen3VLVisionModel
from comfy.text_encoders.qwen_vl import Qwen2VLVisionTransformer

# "sample" is one evaluation of the diffusion model: a step, or half of one where cfg has a second branch.
WATCHED = (
    (comfy.sd, "load_diffusion_model", "load_diffusion_model"),
    (comfy.sd, "load_clip", "load_clip"),
    (comfy.sd, "load_checkpoint_guess_config", "load_checkpoint"),
    (comfy.sd.VAE, "__init__", "load_vae"),
    (comfy.sd.VAE, "encode", "encode"),
    (comfy.sd.VAE, "encode_tiled", "encode_tiled"),
    (comfy.sd.VAE, "decode", "decode"),
    (comfy.sd.VAE, "decode_tiled", "decode_tiled"),
    (SDClipModel, "forward", "text"),
    (Qwen2VLVisionTransformer, "forward", "vision"),
    (Qwen3VLVisionModel, "forward", "vision"),
    (BaseModel, "apply_model", "sample"),
)
# Their trouble comes from within the VAE, where ComfyUI looks for it: it tries again in tiles.
INSIDE_VAE = ("encode", "decode")


class Phases:
    """What ran, what shall fail and what shall last, by phase."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.counts = {phase: 0 for _, _, phase in WATCHED}
        self.failures: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def known(self, phase: str) -> str:
        """The phase.

        Raises:
            KeyError: there is none of that name.
        """
        self.counts[phase]
        return phase

    def watch(self) -> None:
        """Put the counting in front of ComfyUI's own functions."""
        for owner, name, phase in WATCHED:
            setattr(owner, name, self._counted(getattr(owner, name), phase))
        build = comfy.sd.VAE.__init__

        @functools.wraps(build)
        def disturbed_vae(vae: Any, *arguments: Any, **options: Any) -> None:
            build(vae, *arguments, **options)
            for phase in INSIDE_VAE:
                if function := getattr(vae.first_stage_model, phase, None):  # a file that is no VAE has none
                    setattr(vae.first_stage_model, phase, self._disturbed(function, phase))

        comfy.sd.VAE.__init__ = disturbed_vae

    def _counted(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        inner = function if phase in INSIDE_VAE else self._disturbed(function, phase)

        @functools.wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            self.counts[phase] += 1
            return inner(*arguments, **options)

        return counted

    def _disturbed(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def disturbed(*arguments: Any, **options: Any) -> Any:
            self._last(self.seconds.get(phase, 0))
            if self.failures.get(phase, 0) > 0:
                self.failures[phase] -= 1
                raise management.OOM_EXCEPTION("Allocation on device: asked for by a test")
            return function(*arguments, **options)

        return disturbed

    def _last(self, seconds: float) -> None:
        """Take so long, open to interruption as ComfyUI's own operations are."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            management.throw_exception_if_processing_interrupted()
            time.sleep(0.01)
