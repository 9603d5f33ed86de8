"""Select the profile of a model that is loaded already, by whatever loader.

Its class tells the family, its tensors and its text encoder the size and version. What they do not tell
(whether it is distilled or a step LoRA is in it, or which of several models with such tensors it is) is for
the user to say: auto takes the plainest profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....common.errors import InvalidRequest
from .profile import Profile
from .registry import Profiles
from .selection import ProfileSelection, licence_notes
from .weights_file import judge, other_size
from .weights_header import Tensor

_CERTAINTIES = ("model", "size", "architecture")


@dataclass(frozen=True)
class GivenParts:
    """What is known of a model, a text encoder and a VAE by their ComfyUI objects.

    Attributes:
        model_classes: of `comfy.model_base`, the model's own first, then those that it is derived from.
        tensors: of the diffusion model, by name.
        tokenizer: ComfyUI's class of it.
        model_latent, vae_latent: (channels, dimensions) that the model samples and the VAE decodes.
        vae_channels: of the images that the VAE encodes and decodes, 4 with transparency.
    """

    model_classes: Sequence[str]
    tensors: Mapping[str, Tensor]
    tokenizer: str
    model_latent: tuple[int, int]
    vae_latent: tuple[int, int]
    vae_channels: int


def select_for_parts(
    parts: GivenParts, profiles: Profiles, families: Mapping[str, str], asked: str | None = None
) -> ProfileSelection:
    """Select how a given model is sampled.

    Args:
        families: by name, the class of a family's models; "" where it is not known.
        asked: the id of the profile to use; None chooses.

    Raises:
        InvalidRequest: no profile is for such a model or its size, or the text encoder or the VAE is another
            family's.
    """
    own = _of_its_class(parts, profiles, families)
    alike = () if asked else _plainest(own, parts, families)
    chosen = _asked(asked, profiles, own, parts, families) if asked else alike[0]
    _check_size(chosen, parts)
    _check_text_encoder(chosen, parts)
    _check_vae(chosen, parts)
    why = "it was requested" if asked else f"the model is a {parts.model_classes[0]}"
    notes = [f"Profile {chosen.id} is used: {why}.", "The model, the text encoder and the VAE were given."]
    if not asked:
        notes.append(
            f"Whether the model is distilled cannot be seen: it is sampled in {chosen.steps} steps with cfg "
            f"{chosen.cfg:g}. Choose the profile, or set steps and cfg, where it is made for others."
        )
    if others := dict.fromkeys(profile.name for profile in alike if profile.model != chosen.model):
        notes.append(f"It may as well be {' or '.join(others)}: choose the profile if it is.")
    return ProfileSelection(chosen, {}, (*notes, *licence_notes(chosen)))


def _of_its_class(parts: GivenParts, profiles: Profiles, families: Mapping[str, str]) -> list[Profile]:
    """Return the profiles of the families whose class is the nearest to the model's."""
    kind = next((kind for kind in parts.model_classes if kind in set(families.values())), None)
    return [profile for profile in profiles if families[profile.family] == kind]


def _asked(
    asked: str,
    profiles: Profiles,
    own: Sequence[Profile],
    parts: GivenParts,
    families: Mapping[str, str],
) -> Profile:
    chosen = profiles.get(asked)
    if chosen in own or not families[chosen.family]:
        return chosen
    others = f", or to one of {', '.join(profile.id for profile in own)}" if own else ""
    raise InvalidRequest(
        f"profile is {asked}, but the model is a {parts.model_classes[0]}. Set profile to auto{others}.",
        field="profile",
    )


def _plainest(own: Sequence[Profile], parts: GivenParts, families: Mapping[str, str]) -> Sequence[Profile]:
    """The profiles without a step LoRA that the tensors fit best; of these the text encoder's, if any."""
    if not own:
        known = ", ".join(dict.fromkeys(kind for kind in families.values() if kind))
        raise InvalidRequest(
            f"model is a {parts.model_classes[0]}; Multi-Edit edits by {known}. Connect one of these.",
            field="model",
        )
    plain = [profile for profile in own if _is_plain(profile)]
    ranks = {profile.id: _rank(parts, profile) for profile in plain}
    best = min(ranks.values())
    nearest = [profile for profile in plain if ranks[profile.id] == best]
    encoded = [profile for profile in nearest if profile.tokenizer == parts.tokenizer]
    return encoded or nearest


def _is_plain(profile: Profile) -> bool:
    model = profile.parts.get("diffusion_model")
    return model is not None and not model.merged_steps and "lora" not in profile.parts


def _rank(parts: GivenParts, profile: Profile) -> tuple[bool, int, bool]:
    """The lower the better: tensors that fit, that tell the profile, that do not lack what would tell it."""
    part = profile.parts["diffusion_model"]
    verdict = judge(parts.tensors, part)
    told = _CERTAINTIES.index(verdict.certainty)
    return verdict.problem is not None, told, bool(told and part.proof)


def _check_size(profile: Profile, parts: GivenParts) -> None:
    """Refuse a model of which a tensor shows that it is another one of the same class, as FLUX.1's are."""
    part = profile.parts.get("diffusion_model")
    if part and (problem := other_size(parts.tensors, part)):
        raise InvalidRequest(
            f"model {problem}, so that it is not {profile.name}. Connect that, or set profile to what it is.",
            field="model",
        )


def _check_text_encoder(profile: Profile, parts: GivenParts) -> None:
    if parts.tokenizer == profile.tokenizer or not profile.tokenizer:
        return
    encoders = [part for name, part in profile.parts.items() if name.startswith("text_encoder")]
    names = " and ".join(part.files[0].name for part in encoders)
    loader = "CLIPLoader" if len(encoders) == 1 else "DualCLIPLoader"
    file = f"{names} by {loader}" if encoders else "the checkpoint's own"
    raise InvalidRequest(
        f"clip is a text encoder of another family ({parts.tokenizer}); {profile.name} needs a "
        f"{profile.tokenizer}. Connect {file} with the type {profile.clip_type}.",
        field="clip",
    )


def _check_vae(profile: Profile, parts: GivenParts) -> None:
    channels, dimensions = parts.vae_latent
    if parts.vae_latent != parts.model_latent:
        problem = (
            f"it has {channels} channels in {dimensions} dimensions, and {profile.name} needs "
            f"{parts.model_latent[0]} in {parts.model_latent[1]}"
        )
    elif profile.image_channels not in (None, parts.vae_channels):
        problem = (
            f"its images have {parts.vae_channels} channels, and those of {profile.name} have "
            f"{profile.image_channels}"
        )
    else:
        return
    part = profile.parts.get("vae")
    file = part.files[0].name if part else "the checkpoint's own"
    raise InvalidRequest(f"vae is of another family: {problem}. Connect {file}.", field="vae")
