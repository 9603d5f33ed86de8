"""Select the profile of a model and its files, by what is in ComfyUI's folders and its memory.

A model's profiles are tried in their order, those that only an uncensored file could run last, and the first
one whose files are all there is taken. Of a part's files it takes the most exact that fits the memory, else
the smallest that is there; one that is damaged or something else is passed over. Nothing is downloaded: the
error names what is missing with its folder, its size and its address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....catalog.aliases import VARIABLE as ALIASES_VARIABLE
from ....catalog.lookup import load_catalog
from ....common.errors import InvalidRequest, ModelFilesMissing, ModelUnavailable
from ....common.validation import shown
from ....planning import provider
from ....planning.model_options import LoraChoice
from .part_files import Folders, Found, PartFile, Shelf
from .profile import PART_FOLDERS, ModelPart, PartName, Profile
from .registry import Profiles, load_profiles
from .weights_file import invalid_file

# Of the memory, what one file may take: the rest is for activations and the other parts' turns.
USABLE_SHARE = 0.85
_GIGABYTE = 10**9


@dataclass(frozen=True)
class ProfileSelection:
    """A profile that can run.

    Attributes:
        files: by part, the name under which ComfyUI's loader knows the file; none for parts from elsewhere.
        notes: a sentence for each decision, and for a licence that forbids commercial use.
        loras: in the order in which they are added, without the profile's step LoRA.
    """

    profile: Profile
    files: Mapping[PartName, str]
    notes: tuple[str, ...]
    loras: tuple[LoraChoice, ...] = ()


def select_profile(
    model_id: str,
    files: Folders | Shelf,
    memory_bytes: int,
    node_names: Collection[str] | None = None,
    profile: str | None = None,
    profiles: Profiles | None = None,
) -> ProfileSelection:
    """Select the profile and the files of a model.

    Args:
        files: by folder; alone they are known by their names.
        memory_bytes: of the device that samples.
        node_names: of the ComfyUI that will run it; None where they are not known.
        profile: the id of the one to use; by default the model's are tried in their order.

    Raises:
        InvalidRequest: the profile is not known, or another model's.
        ModelUnavailable: the model has no profile, or ComfyUI is too old for all of them.
        ModelFilesMissing: files are missing; the message says which, for the plainest profile.
        InvalidModelFile: none is missing, but what is there is damaged or something else.
    """
    shelf = files if isinstance(files, Shelf) else Shelf(files)
    own = _candidates(model_id, profile, load_profiles() if profiles is None else profiles)
    candidates = sorted(own, key=lambda each: takes_uncensored(each, shelf))
    _check_chosen(candidates, shelf)
    skipped: list[str] = []
    for candidate in candidates:
        reason = _obstacle(candidate, shelf, node_names)
        if reason is None:
            why = "it was requested" if profile else "all of its files are there"
            notes = (f"Profile {candidate.id} is used: {why}.", *skipped)
            return _selected(candidate, shelf, memory_bytes, notes)
        skipped.append(f"Profile {candidate.id} is not used: {reason}.")
    raise _unable(candidates, shelf, node_names)


def available_models(
    files: Folders | Shelf, node_names: Collection[str] | None = None, profiles: Profiles | None = None
) -> dict[str, str]:
    """The id of the profile that `select_profile` takes, by model id, of the models that can run."""
    shelf = files if isinstance(files, Shelf) else Shelf(files)
    able: dict[str, str] = {}
    tried = load_profiles() if profiles is None else profiles
    for profile in sorted(tried, key=lambda each: takes_uncensored(each, shelf)):
        if profile.model not in able and _obstacle(profile, shelf, node_names) is None:
            able[profile.model] = profile.id
    return able


def takes_uncensored(profile: Profile, shelf: Shelf) -> bool:
    """Return whether the best file for one of a profile's parts is an uncensored variant of it."""
    found = (shelf.find(role, part).files for role, part in profile.parts.items())
    return any(files[0].uncensored for files in found if files)


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


def _check_chosen(candidates: Sequence[Profile], shelf: Shelf) -> None:
    """Refuse a chosen file that is not there, with where to get it, or of a part that the model has not."""
    for role, name in shelf.chosen.items():
        parts = [each.parts[role] for each in candidates if role in each.parts]
        if not parts:
            raise InvalidRequest(
                f"{_part_title(role)} {shown(name)} cannot be chosen: {candidates[0].name} has none of its "
                "own. Set it to auto.",
                field="modelId",
            )
        if any(name in shelf.folders.get(part.folder, ()) for part in parts):
            continue
        published = [file for part in parts for file in part.files if file.name == name]
        source = f"Download it from {published[0].url}, or choose" if published else "Choose"
        folder = PART_FOLDERS[role]
        raise ModelFilesMissing(
            f"{_part_title(role)} {shown(name)} is not in models/{folder}. {source} another; auto takes what "
            "is there.",
            field="modelId",
        )


def _obstacle(profile: Profile, shelf: Shelf, node_names: Collection[str] | None) -> str | None:
    """Return why a profile cannot run, None where it can."""
    if unknown := _unknown_nodes(profile, node_names):
        return f"it needs ComfyUI {profile.minimum_comfyui}: node {', '.join(unknown)} is missing"
    if extra := next((role for role in shelf.chosen if role not in profile.parts), None):
        return f"it has no {_part_title(extra)} to choose"
    for role, part in profile.parts.items():
        found = shelf.find(role, part)
        if found.files:
            continue
        if found.passed_over:
            return f"its {_part_title(role)} is not there: {_why_not(found)}"
        name = f" {part.files[0].name}" if part.files else ""
        return f"its {_part_title(role)}{name} is not in {part.folder}"
    return None


def _why_not(found: Found) -> str:
    return ", ".join(f"{shown(each.name)} {each.problem}" for each in found.passed_over)


def _unknown_nodes(profile: Profile, node_names: Collection[str] | None) -> list[str]:
    return [] if node_names is None else [name for name in profile.nodes if name not in node_names]


def _selected(profile: Profile, shelf: Shelf, memory_bytes: int, notes: tuple[str, ...]) -> ProfileSelection:
    files: dict[PartName, str] = {}
    reasons = []
    for role, part in profile.parts.items():
        found = shelf.find(role, part)
        file, why = _best(found.files, memory_bytes)
        if role in shelf.chosen:
            why = "it was chosen"
        files[role] = file.name
        types = f", {file.quantisation}" if file.inspected else ""
        reasons.append(f"The {_part_title(role)} is {file.name} ({file.gigabytes} GB{types}): {why}.")
        reasons += [f"{each.name} is passed over: it {each.problem}." for each in found.passed_over]
    return ProfileSelection(profile, files, (*notes, *reasons, *licence_notes(profile)))


def licence_notes(profile: Profile) -> Iterator[str]:
    """Say what is to be known of a profile before it is used."""
    if profile.experimental:
        yield f"{profile.name} is experimental: its graph follows the official template, and never ran here."
    if not profile.commercial:
        yield (
            f"{profile.name} is under the {profile.licence}, which limits commercial use: "
            f"{profile.licence_url}."
        )


def _best(files: Sequence[PartFile], memory_bytes: int) -> tuple[PartFile, str]:
    """The file to load and why."""
    usable = memory_bytes * USABLE_SHARE / _GIGABYTE
    equals = [file for file in files if file.rank == files[0].rank]
    for file in equals:
        if file.gigabytes <= usable:
            only = "the only one there" if len(files) == 1 else "the most exact that fits"
            return file, f"{only}, in {usable:.1f} GB of memory"
    smallest = min(equals, key=lambda file: file.gigabytes)
    return smallest, f"the smallest that is there; ComfyUI moves it in turns through {usable:.1f} GB"


def _unable(
    candidates: Sequence[Profile], shelf: Shelf, node_names: Collection[str] | None
) -> ModelUnavailable:
    """The one error for all that is missing, or for the first file that is not what it looks like."""
    known = [each for each in candidates if not _unknown_nodes(each, node_names)]
    if not known:
        first = candidates[0]
        unknown = _unknown_nodes(first, node_names)
        nodes = f"node {unknown[0]} is" if len(unknown) == 1 else f"nodes {', '.join(unknown)} are"
        return ModelUnavailable(
            f"{first.name} needs ComfyUI {first.minimum_comfyui} or newer: {nodes} missing. Update ComfyUI.",
            field="modelId",
        )
    known = [each for each in known if set(shelf.chosen) <= set(each.parts)] or known
    plainest = min(known, key=lambda each: _plainness(each, shelf))
    found = {role: shelf.find(role, part) for role, part in plainest.parts.items()}
    there = [
        f"{plainest.parts[role].folder}/{each.files[0].name}" for role, each in found.items() if each.files
    ]
    lacking = {role: each for role, each in found.items() if not each.files}
    broken = [
        (role, next(file for file in found.passed_over if file.broken))
        for role, found in lacking.items()
        if any(file.broken for file in found.passed_over)
    ]
    if len(broken) == len(lacking):
        role, file = broken[0]
        what = f"the {_part_title(role)} of {plainest.name}"
        return invalid_file(file.name, plainest.parts[role], what, file.problem)
    missing = [_wanted(role, plainest.parts[role]) for role in lacking]
    passed_over = "".join(f" Not taken: {_why_not(each)}." for each in lacking.values() if each.passed_over)
    return ModelFilesMissing(
        f"{plainest.name} cannot run: of its {len(plainest.parts)} files {len(missing)} are missing. "
        f"Download {'; '.join(missing)}. Already there: {', '.join(there) or 'none'}.{passed_over}",
        field="modelId",
    )


def _plainness(profile: Profile, shelf: Shelf) -> tuple[bool, int, int]:
    """Order profiles by how much has to be there; one of files that nobody publishes comes last."""
    found = [shelf.find(role, part) for role, part in profile.parts.items()]
    absent = sum(not (each.files or each.passed_over) for each in found)
    return not all(part.files for part in profile.parts.values()), absent, len(found)


def _wanted(role: PartName, part: ModelPart) -> str:
    """Return what to download for a part: each published file, the most exact first."""
    options = [f"{weights.name} ({weights.gigabytes} GB, {weights.url})" for weights in part.files]
    published = " or ".join(options) or "a file of your own"
    return f"the {_part_title(role)} into models/{part.folder}: {published}"


def _part_title(name: PartName) -> str:
    """Return what a part is called in messages."""
    titles = {"lora": "LoRA", "vae": "VAE", "text_encoder_2": "second text encoder"}
    return titles.get(name, name.replace("_", " "))


def alias_notes(model_id: str, profile: Profile) -> tuple[str, ...]:
    """Notes for a plan whose profile runs in place of the requested model."""
    if profile.model == model_id:
        return ()
    return (f"{model_id} is closed: {profile.name} runs in its place, as {ALIASES_VARIABLE} says.",)
