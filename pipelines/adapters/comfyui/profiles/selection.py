"""Select the profile of a model and its files, by what is in ComfyUI's folders and its memory.

A model's profiles are tried in their order, and the first one whose files are all there is taken. Of a
part's files it takes the most exact that fits the memory, else the smallest that is there. Nothing is
downloaded: the error names what is missing with its folder, its size and its address.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import PureWindowsPath

from ....catalog.aliases import VARIABLE as ALIASES_VARIABLE
from ....catalog.lookup import load_catalog
from ....common.errors import InvalidRequest, ModelFilesMissing, ModelUnavailable
from ....planning import provider
from .profile import ModelPart, PartName, Profile, WeightsFile
from .registry import Profiles, load_profiles

# By ComfyUI's name of the folder, the files in it; in a subfolder as "qwen/x.safetensors".
Folders = Mapping[str, Sequence[str]]

# Of the memory, what one file may take: the rest is for activations and the other parts' turns.
USABLE_SHARE = 0.85
_GIGABYTE = 10**9


@dataclass(frozen=True)
class ProfileSelection:
    """A profile that can run.

    Attributes:
        files: by part, the name under which ComfyUI's loader knows the file.
        notes: a sentence for each decision, and for a licence that forbids commercial use.
    """

    profile: Profile
    files: Mapping[PartName, str]
    notes: tuple[str, ...]


def select_profile(
    model_id: str,
    folders: Folders,
    memory_bytes: int,
    node_names: Collection[str] | None = None,
    profile: str | None = None,
    profiles: Profiles | None = None,
) -> ProfileSelection:
    """Select the profile and the files of a model.

    Args:
        memory_bytes: of the device that samples.
        node_names: of the ComfyUI that will run it; None where they are not known.
        profile: the id of the one to use; by default the model's are tried in their order.

    Raises:
        InvalidRequest: the profile is not known, or another model's.
        ModelUnavailable: the model has no profile, or ComfyUI is too old for all of them.
        ModelFilesMissing: files are missing; the message says which, for the plainest profile.
    """
    candidates = _candidates(model_id, profile, load_profiles() if profiles is None else profiles)
    skipped: list[str] = []
    for candidate in candidates:
        reason = _obstacle(candidate, folders, node_names)
        if reason is None:
            why = "it was requested" if profile else "all of its files are there"
            notes = (f"Profile {candidate.id} is used: {why}.", *skipped)
            return _selected(candidate, folders, memory_bytes, notes)
        skipped.append(f"Profile {candidate.id} is not used: {reason}.")
    raise _unable(candidates, folders, node_names)


def available_models(
    folders: Folders, node_names: Collection[str] | None = None, profiles: Profiles | None = None
) -> dict[str, str]:
    """The id of the profile that `select_profile` takes, by model id, of the models that can run."""
    able: dict[str, str] = {}
    for profile in load_profiles() if profiles is None else profiles:
        if profile.model not in able and _obstacle(profile, folders, node_names) is None:
            able[profile.model] = profile.id
    return able


def fits(pattern: str, file: str) -> bool:
    """Return whether a file's own name fits a pattern, upper and lower case alike, on any system."""
    return _compiled(pattern).match(PureWindowsPath(file).name) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern), re.IGNORECASE)


def _candidates(model_id: str, profile: str | None, profiles: Profiles) -> tuple[Profile, ...]:
    own = profiles.of_model(model_id)
    closed = [model for model in load_catalog() if model.id == model_id and model.weights == "closed"]
    if closed and not own:
        raise ModelUnavailable(f"{provider.closed_model_reason(closed[0])}.", field="modelId")
    if not own:
        raise ModelUnavailable(
            f"No profile for {model_id}. Models with a profile: "
            f"{', '.join(dict.fromkeys(each.model for each in profiles))}.",
            field="modelId",
        )
    if profile is None:
        return own
    asked = profiles.get(profile)
    if asked not in own:
        raise InvalidRequest(
            f"profile {asked.id} belongs to {asked.model}; "
            f"profiles of {model_id}: {', '.join(each.id for each in own)}."
        )
    return (asked,)


def _found(part: ModelPart, folders: Folders) -> Iterator[tuple[WeightsFile, str]]:
    """A part's files that are there, the most exact first; a file of two patterns is the first one's."""
    left = sorted(folders.get(part.folder, ()))
    for weights in part.files:
        for name in [name for name in left if fits(weights.pattern, name)]:
            left.remove(name)
            yield weights, name


def _obstacle(profile: Profile, folders: Folders, node_names: Collection[str] | None) -> str | None:
    """Return why a profile cannot run, None where it can."""
    if unknown := _unknown_nodes(profile, node_names):
        return f"it needs ComfyUI {profile.minimum_comfyui}: node {', '.join(unknown)} is missing"
    for name, part in profile.parts.items():
        if next(_found(part, folders), None) is None:
            return f"its {_part_title(name)} {part.files[0].name} is not in {part.folder}"
    return None


def _unknown_nodes(profile: Profile, node_names: Collection[str] | None) -> list[str]:
    return [] if node_names is None else [name for name in profile.nodes if name not in node_names]


def _selected(
    profile: Profile, folders: Folders, memory_bytes: int, notes: tuple[str, ...]
) -> ProfileSelection:
    files: dict[PartName, str] = {}
    reasons = []
    for name, part in profile.parts.items():
        weights, files[name], why = _best(list(_found(part, folders)), memory_bytes)
        reasons.append(f"The {_part_title(name)} is {files[name]} ({weights.gigabytes} GB): {why}.")
    if not profile.commercial:
        reasons.append(
            f"{profile.name} is under the {profile.licence}, which limits commercial use: "
            f"{profile.licence_url}."
        )
    return ProfileSelection(profile, files, (*notes, *reasons))


def _best(found: Sequence[tuple[WeightsFile, str]], memory_bytes: int) -> tuple[WeightsFile, str, str]:
    """The file to load and why."""
    usable = memory_bytes * USABLE_SHARE / _GIGABYTE
    for weights, name in found:
        if weights.gigabytes <= usable:
            only = "the only one there" if len(found) == 1 else "the most exact that fits"
            return weights, name, f"{only}, in {usable:.1f} GB of memory"
    weights, name = min(found, key=lambda each: each[0].gigabytes)
    return weights, name, f"the smallest that is there; ComfyUI moves it in turns through {usable:.1f} GB"


def _unable(
    candidates: Sequence[Profile], folders: Folders, node_names: Collection[str] | None
) -> ModelUnavailable:
    """The one error for all that is missing."""
    known = [each for each in candidates if not _unknown_nodes(each, node_names)]
    if not known:
        first = candidates[0]
        unknown = _unknown_nodes(first, node_names)
        nodes = f"node {unknown[0]} is" if len(unknown) == 1 else f"nodes {', '.join(unknown)} are"
        return ModelUnavailable(
            f"{first.name} needs ComfyUI {first.minimum_comfyui} or newer: {nodes} missing. Update ComfyUI.",
            field="modelId",
        )
    plainest = min(known, key=lambda each: len(each.parts))
    missing, there = [], []
    for name, part in plainest.parts.items():
        file = next((file for _, file in _found(part, folders)), None)
        if file is None:
            missing.append(_wanted(name, part))
        else:
            there.append(f"{part.folder}/{file}")
    return ModelFilesMissing(
        f"{plainest.name} cannot run: of its {len(plainest.parts)} files {len(missing)} are missing. "
        f"Download {'; '.join(missing)}. Already there: {', '.join(there) or 'none'}.",
        field="modelId",
    )


def _wanted(name: PartName, part: ModelPart) -> str:
    """Return what to download for a part: each published file once, the most exact first."""
    published = {weights.url: weights for weights in reversed(part.files)}
    options = [
        f"{weights.name} ({weights.gigabytes} GB, {weights.url})" for weights in reversed(published.values())
    ]
    return f"the {_part_title(name)} into models/{part.folder}: {' or '.join(options)}"


def _part_title(name: PartName) -> str:
    """Return what a part is called in messages."""
    return {"lora": "LoRA", "vae": "VAE"}.get(name, name.replace("_", " "))


def alias_notes(model_id: str, profile: Profile) -> tuple[str, ...]:
    """Notes for a plan whose profile runs in place of the requested model."""
    if profile.model == model_id:
        return ()
    return (f"{model_id} is closed: {profile.name} runs in its place, as {ALIASES_VARIABLE} says.",)
