"""The files of models in a folder of ComfyUI's layout, and which of the published ones are wanting."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....common.errors import InvalidRequest
from ....common.validation import describe
from .extra_folders import ExtraFolder
from .part_files import Found, Shelf
from .profile import PART_FOLDERS, PartName, Profile, WeightsFile
from .registry import Profiles
from .selection import USABLE_SHARE
from .weights_file import FileFacts, inspect_weights

_OLD_NAMES = {"diffusion_models": "unet", "text_encoders": "clip"}  # which ComfyUI reads too
_ENDINGS = (".safetensors", ".sft")


@dataclass(frozen=True)
class Wanted:
    """A part of a profile: the file that is there for it, or the one to download.

    Attributes:
        problem: why what there is at the target is not the part, as half a sentence; None where nothing is.
    """

    role: PartName
    there: str | None
    file: WeightsFile
    target: Path
    problem: str | None = None


def local_shelf(models: Path, profiles: Profiles, extra: Sequence[ExtraFolder] = ()) -> Shelf:
    """The files of a folder `models`, and of further folders, known by their headers."""
    found = {name: _files(_bases(models, name, extra)) for name in PART_FOLDERS.values()}

    @functools.cache
    def inspect(folder: str, name: str) -> FileFacts:
        parts = {part for profile in profiles for part in profile.parts.values() if part.folder == folder}
        return inspect_weights(found[folder][name] / name, parts)

    return Shelf({folder: list(files) for folder, files in found.items()}, inspect)


def _bases(models: Path, name: str, extra: Sequence[ExtraFolder]) -> list[Path]:
    own = [models / each for each in dict.fromkeys((name, _OLD_NAMES.get(name, name)))]
    first, last = (
        [each.path for each in extra if (each.name, each.first) == (name, at)] for at in (True, False)
    )
    return [*first, *own, *last]


def _files(bases: Sequence[Path]) -> dict[str, Path]:
    """The folder of each file by its name in there; of two with one name the first, as ComfyUI takes it."""
    found: dict[str, Path] = {}
    for base in bases:
        for path in sorted(_walk(base)):
            if path.suffix in _ENDINGS and path.is_file():
                found.setdefault(path.relative_to(base).as_posix(), base)
    return found


def _walk(base: Path) -> Iterator[Path]:
    """Every file below a folder, through links too; each folder once, as links may lead in a circle."""
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(base, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()  # of two ways to a folder always the same one
        yield from (Path(folder, name) for name in names)


def profile_to_download(name: str, profiles: Profiles) -> Profile:
    """The profile of an id, or the first of a model's whose files are all published.

    Raises:
        InvalidRequest: no profile or model with a profile is called so.
    """
    named = [profile for profile in profiles if name in (profile.id, profile.model)]
    published = [profile for profile in named if all(part.files for part in profile.parts.values())]
    if not published:
        models = ", ".join(dict.fromkeys(profile.model for profile in profiles))
        reason = "has no published files" if named else "is unknown"
        raise InvalidRequest(
            f"Model {describe(name)} {reason}. Models with files: {models}.", field="modelId"
        )
    return next((profile for profile in published if profile.id == name), published[0])


def wanted_files(profile: Profile, shelf: Shelf, models: Path, memory_gb: float) -> list[Wanted]:
    """Each part of a profile, with the published file that fits the memory where none is there."""
    wanted = []
    for role, part in profile.parts.items():
        found = shelf.find(role, part)
        file = _fitting(part.files, memory_gb)
        target = models / part.folder / file.name
        if found.files:
            wanted.append(Wanted(role, found.files[0].name, file, target))
        else:
            wanted.append(Wanted(role, None, file, target, _problem(target, found)))
    return wanted


def _problem(target: Path, found: Found) -> str | None:
    """Why what has the target's name is not the part."""
    if not os.path.lexists(target):
        return None
    passed = (each.problem for each in found.passed_over if each.name == target.name)
    return next(passed, "cannot be read as weights")


def _fitting(files: Sequence[WeightsFile], memory_gb: float) -> WeightsFile:
    """The most exact file that fits, else the smallest, as the loader chooses."""
    usable = memory_gb * USABLE_SHARE
    smallest = min(files, key=lambda file: file.gigabytes)
    return next((file for file in files if file.gigabytes <= usable), smallest)
