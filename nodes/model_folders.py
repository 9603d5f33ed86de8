"""Select a profile by ComfyUI's folders, card and nodes."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

import comfy.model_management as management
import folder_paths

import nodes

from ..pipelines.adapters.comfyui.profiles.registry import load_profiles
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection, available_models, select_profile
from ..pipelines.catalog.aliases import alias_resolver
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.catalog.model import AUTO
from ..pipelines.common.settings import Limits
from ..pipelines.planning.plan import DEFAULT_MODEL


def model_folders() -> Mapping[str, Sequence[str]]:
    """List ComfyUI's files of every part, by its name of the folder."""
    names = {part.folder for profile in load_profiles() for part in profile.parts.values()}
    return {name: folder_paths.get_filename_list(name) for name in sorted(names)}


def offered_models() -> dict[str, list[str]]:
    """Models that the loader offers, with their profiles: open ones, and closed ones that have an alias."""
    runs = alias_resolver(Limits.from_environment(), load_catalog())
    found = {}
    for model in load_catalog():
        if profiles := load_profiles().of_model(runs(model.id)):
            found[model.id] = [profile.id for profile in profiles]
    return found


def select_model(widget: Mapping[str, str]) -> tuple[str, ProfileSelection]:
    """Select a model, and the profile and files that run it.

    Args:
        widget: the input `model` of Load Multi-Edit Model: a model, and its profile.

    Raises:
        ModelFilesMissing: files are missing; the message lists them.
        InvalidRequest: the model or profile is not known.
    """
    model_id, profile = widget["model"], widget.get("profile", AUTO)
    folders, known = model_folders(), nodes.NODE_CLASS_MAPPINGS
    selected = _default_model(folders, known) if model_id == AUTO else model_id
    runs = alias_resolver(Limits.from_environment(), load_catalog())
    memory = management.get_total_memory(management.get_torch_device())
    profile_id = None if profile == AUTO else profile
    return selected, select_profile(runs(selected), folders, memory, known, profile_id)


def _default_model(folders: Mapping[str, Sequence[str]], known: Collection[str]) -> str:
    """The model of a request without one: the contract's default, else the first that has its files."""
    available = available_models(folders, known)
    ours = (model.id for model in load_catalog() if model.id in available)
    return DEFAULT_MODEL if DEFAULT_MODEL in available else next(ours, DEFAULT_MODEL)


def file_identities(selection: ProfileSelection) -> list[str]:
    """Name, size and time of each file, which differ where weights do."""
    parts = selection.profile.parts
    return [file_identity(parts[part].folder, name) for part, name in selection.files.items()]


def file_identity(folder: str, name: str) -> str:
    """Name, size and time of a file in one of ComfyUI's folders."""
    status = os.stat(folder_paths.get_full_path_or_raise(folder, name))
    return f"{name} {status.st_size} {status.st_mtime_ns}"
