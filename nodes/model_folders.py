"""What of ComfyUI's folders, card and nodes the choice of a profile asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..pipelines.adapters.comfyui.profiles.registry import load_profiles
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection, available_models, select_profile
from ..pipelines.catalog.aliases import alias_resolver
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.common.settings import Limits
from ..pipelines.planning.plan import DEFAULT_MODEL

AUTO_MODEL = "auto"
AUTO_PROFILE = "auto"


def model_folders() -> Mapping[str, Sequence[str]]:
    """By ComfyUI's name of a folder, the files that it has of it."""
    import folder_paths

    names = {part.folder for profile in load_profiles() for part in profile.parts.values()}
    return {name: folder_paths.get_filename_list(name) for name in sorted(names)}


def known_nodes() -> Collection[str]:
    import nodes

    known: Collection[str] = nodes.NODE_CLASS_MAPPINGS
    return known


def offered_models() -> dict[str, list[str]]:
    """Models that the loader offers, with their profiles: open ones, and closed ones that have a stand-in."""
    runs = alias_resolver(Limits.from_environment(), load_catalog())
    found = {}
    for model in load_catalog():
        if profiles := load_profiles().of_model(runs(model.id)):
            found[model.id] = [profile.id for profile in profiles]
    return found


def chosen_model(asked: Mapping[str, str]) -> tuple[str, ProfileSelection]:
    """The model that is meant, and the profile and files that carry it out.

    Args:
        asked: the input `model` of Load Multi-Edit Model: a model, and its profile.

    Raises:
        ModelFilesMissing: files are missing; the message lists them.
        InvalidRequest: no such model or profile.
    """
    import comfy.model_management as management

    model_id, profile = asked["model"], asked.get("profile", AUTO_PROFILE)
    folders, known = model_folders(), known_nodes()
    wanted = _by_the_plan(folders, known) if model_id == AUTO_MODEL else model_id
    runs = alias_resolver(Limits.from_environment(), load_catalog())
    memory = management.get_total_memory(management.get_torch_device())
    named = None if profile == AUTO_PROFILE else profile
    return wanted, select_profile(runs(wanted), folders, memory, known, named)


def _by_the_plan(folders: Mapping[str, Sequence[str]], known: Collection[str]) -> str:
    """What a request without a model gets: the contract's default, else the first that has its files."""
    available = available_models(folders, known)
    ours = (model.id for model in load_catalog() if model.id in available)
    return DEFAULT_MODEL if DEFAULT_MODEL in available else next(ours, DEFAULT_MODEL)


def identity(choice: ProfileSelection) -> dict[str, str]:
    """By part, name, size and time of its file: what tells weights from other weights."""
    parts = choice.profile.parts
    return {part: file_identity(parts[part].folder, name) for part, name in choice.files.items()}


def file_identity(folder: str, name: str) -> str:
    """Name, size and time of a file in one of ComfyUI's folders."""
    import os

    import folder_paths

    status = os.stat(folder_paths.get_full_path_or_raise(folder, name))
    return f"{name} {status.st_size} {status.st_mtime_ns}"


def chosen_of_node(inputs: Mapping[str, str]) -> tuple[str, ProfileSelection]:
    """What Load Multi-Edit Model will choose, by its inputs in a queued graph, which are flat."""
    return chosen_model({"model": inputs["model"], "profile": inputs.get("model.profile", AUTO_PROFILE)})
