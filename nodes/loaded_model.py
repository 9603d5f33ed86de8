"""A loaded generative model as it goes over one wire, and a reference image encoded for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.adapters.comfyui.profiles.profile import Profile
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe
from .expanded.encoding_cache import EncodingCache

if TYPE_CHECKING:
    from torch import Tensor

SOURCES = "Load Multi-Edit Model or Multi-Edit Model from Parts"
"""What gives a loaded model, for messages."""
LOADED_MODEL = io.Custom("MULTIEDIT_MODEL")
REFERENCE = io.Custom("MULTIEDIT_REFERENCE")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The result of Load Multi-Edit Model, or of Multi-Edit Model from Parts.

    Attributes:
        model_id: in the catalogue, of what the user asked for; with an alias not the profile's.
        model, clip, vae: ComfyUI's own objects.
        encodings: what they have encoded.
    """

    model_id: str
    selection: ProfileSelection
    model: Any
    clip: Any
    vae: Any
    encodings: EncodingCache = field(default_factory=EncodingCache)

    @property
    def profile(self) -> Profile:
        return self.selection.profile


def require_loaded_model(loaded: object) -> None:
    """Refuse what is no loaded model: ComfyUI lets a graph have text at such a socket.

    Raises:
        InvalidRequest: it is something else.
    """
    if not isinstance(loaded, LoadedModel):
        raise InvalidRequest(
            f"loaded_model is {describe(loaded)}, not a model. Connect {SOURCES} to it.",
            field="loaded_model",
        )


@dataclass(frozen=True, eq=False)
class Reference:
    """An image as a model takes it.

    Attributes:
        latent: as the VAE gives it.
        vision: the copy that the text encoder sees, [1, h, w, 3], 0..1; None where it sees none.
        content: tells the copy's pixels from any other's.
    """

    latent: Tensor
    vision: Tensor | None
    content: str
