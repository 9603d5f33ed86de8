"""A loaded generative model as it goes over one wire, and a reference picture encoded for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.adapters.comfyui.profiles.profile import Profile
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection

if TYPE_CHECKING:
    from torch import Tensor

LOADED_MODEL = io.Custom("MULTIEDIT_MODEL")
REFERENCE = io.Custom("MULTIEDIT_REFERENCE")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """What Load Multi-Edit Model gives.

    Attributes:
        model_id: in the catalogue, of what the user asked for; with a stand-in not the profile's.
        model, clip, vae: ComfyUI's own objects.
        identities: by part, name, size and time of the file that its weights are from.
    """

    model_id: str
    choice: ProfileSelection
    model: Any
    clip: Any
    vae: Any
    identities: Mapping[str, str]

    @property
    def profile(self) -> Profile:
        return self.choice.profile

    def weights_of(self, part: str) -> str:
        """Identity of the weights of `vae` or `text_encoder`."""
        return self.identities.get(part) or self.identities["checkpoint"]


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture as a model takes it.

    Attributes:
        latent: as the VAE gives it.
        vision: the copy that the text encoder sees, [1, h, w, 3], 0..1; None where it sees none.
        content: tells the copy's pixels from any other's.
    """

    latent: Tensor
    vision: Tensor | None
    content: str
