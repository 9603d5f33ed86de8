"""Select a profile by ComfyUI's folders, card and nodes."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.model_management as management
import folder_paths

import nodes

from ..pipelines.adapters.comfyui.profiles.part_files import Shelf
from ..pipelines.adapters.comfyui.profiles.profile import PART_FOLDERS, ModelPart, PartName, Profile
from ..pipelines.adapters.comfyui.profiles.registry import (
    load_all_profiles,
    load_layer_profiles,
    load_profiles,
)
from ..pipelines.adapters.comfyui.profiles.sampling import with_lora
from ..pipelines.adapters.comfyui.profiles.selection import (
    ProfileSelection,
    available_models,
    select_profile,
    takes_uncensored,
)
from ..pipelines.adapters.comfyui.profiles.weights_file import FileFacts, inspect_weights, unreadable
from ..pipelines.catalog.aliases import alias_resolver
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.catalog.model import AUTO, Model
from ..pipelines.common.errors import ModelUnavailable
from ..pipelines.common.lru_cache import LRUCache
from ..pipelines.common.settings import Limits
from ..pipelines.common.validation import shown
from ..pipelines.planning.plan import DEFAULT_MODEL

# The loader's widgets that name a file, each a part of the model.
CHOICES: tuple[PartName, ...] = ("diffusion_model", "text_encoder", "vae", "lora", "text_encoder_2")

_FACTS_BYTES = 4096  # of what is kept of one header, roughly
# What the headers of ComfyUI's model files tell, by path, size and time.
_header_facts: LRUCache[FileFacts] = LRUCache(2000 * _FACTS_BYTES, lambda facts: _FACTS_BYTES)


def file_names(*folders: str) -> list[str]:
    """List ComfyUI's files of some folders."""
    return [name for folder in folders for name in folder_paths.get_filename_list(folder)]


def offered_models() -> dict[str, list[str]]:
    """Models that the loader offers, with their profiles: open ones, and closed ones that have an alias.

    Those that split an image into layers come last.
    """
    runs = alias_resolver(Limits.from_environment(), load_catalog())
    found = {}
    for model in load_catalog():
        if profiles := load_profiles().of_model(runs(model.id)):
            found[model.id] = [profile.id for profile in profiles]
    for profile in load_layer_profiles():
        found.setdefault(profile.model, []).append(profile.id)
    return found


def select_model(
    model: Mapping[str, str], widgets: Mapping[Any, str] | None = None
) -> tuple[str, ProfileSelection]:
    """Select a model, and the profile and files that run it.

    Args:
        model: the input `model` of Load Multi-Edit Model: a model, and its profile.
        widgets: the loader's other inputs, of which those in CHOICES are read.

    Raises:
        ModelFilesMissing: files are missing; the message lists them.
        InvalidModelFile: a file is damaged or something else, and no other fits.
        InvalidRequest: the model or profile is not known.
    """
    files = widgets or {}
    chosen = {role: str(files[role]) for role in CHOICES if files.get(role, AUTO) != AUTO}
    shelf, model_id = _shelf(), model["model"]
    if model_id == AUTO:
        model_id = _default_model(_only(shelf, chosen), chosen)
    profile = model.get("profile", AUTO)
    runs = alias_resolver(Limits.from_environment(), load_catalog())(model_id)
    own = [each for each in load_all_profiles().of_model(runs) if profile in (AUTO, each.id)]
    shelf = replace(shelf, chosen=_parts(shelf, chosen, own), trusted=profile != AUTO)
    memory = management.get_total_memory(management.get_torch_device())
    asked = None if profile == AUTO else profile
    return model_id, select_profile(
        runs, shelf, memory, nodes.NODE_CLASS_MAPPINGS, asked, load_all_profiles()
    )


def select_loaded(
    model: Mapping[str, str], widgets: Mapping[Any, Any] | None = None
) -> tuple[str, ProfileSelection]:
    """Select what Load Multi-Edit Model loads by its widgets, with a LoRA of the user's own.

    Raises: as `select_model`.
    """
    given = widgets or {}
    model_id, selection = select_model(model, given)
    if own := own_lora(selection, given.get("lora", AUTO)):
        selection = with_lora(selection, own, given.get("strength_model", 1.0))
    return model_id, selection


def own_lora(selection: ProfileSelection, lora: str) -> str | None:
    """The LoRA of the widget where it is not the step LoRA of the profile."""
    return None if lora in (AUTO, selection.files.get("lora")) else lora


def _shelf() -> Shelf:
    return Shelf({name: file_names(name) for name in PART_FOLDERS.values()}, functools.cache(_inspect))


def _inspect(folder: str, name: str) -> FileFacts:
    """What the header of a file tells, read once."""
    parts = _parts_in(folder)
    path = folder_paths.get_full_path(folder, name)
    if path is None:
        return unreadable("is a link that leads nowhere", parts)
    status = os.stat(path)
    key = (folder, path, status.st_size, status.st_mtime_ns)
    return _header_facts.get(key, lambda: inspect_weights(Path(path), parts))


@functools.lru_cache(maxsize=len(PART_FOLDERS))
def _parts_in(folder: str) -> frozenset[ModelPart]:
    """The parts that the files of a folder can be."""
    parts = (part for profile in load_all_profiles() for part in profile.parts.values())
    return frozenset(part for part in parts if part.folder == folder)


def _parts(shelf: Shelf, chosen: Mapping[PartName, str], profiles: Sequence[Profile]) -> dict[PartName, str]:
    """The chosen files by part: a whole checkpoint as one, and no LoRA that is none of a profile."""
    parts = dict(chosen)
    if _is_checkpoint(shelf, parts.get("diffusion_model", "")):
        parts["checkpoint"] = parts.pop("diffusion_model")
    if lora := parts.get("lora"):
        one = Shelf({PART_FOLDERS["lora"]: [lora]})
        steps = [part for each in profiles if (part := each.parts.get("lora"))]
        if not any(one.find("lora", part).files for part in steps):
            del parts["lora"]
    return parts


def _is_checkpoint(shelf: Shelf, name: str) -> bool:
    return name in shelf.folders["checkpoints"] and name not in shelf.folders["diffusion_models"]


def _only(shelf: Shelf, chosen: Mapping[PartName, str]) -> Shelf:
    """The files, of each part that was chosen the chosen one alone; a LoRA tells no model."""
    folders = {PART_FOLDERS[role]: [name] for role, name in chosen.items() if role != "lora"}
    if name := chosen.get("diffusion_model"):
        whole = _is_checkpoint(shelf, name)
        folders |= {"checkpoints": [name] if whole else [], "diffusion_models": [] if whole else [name]}
    return replace(shelf, folders={**shelf.folders, **folders})


def _default_model(shelf: Shelf, chosen: Mapping[PartName, str]) -> str:
    """The model of a request without one: the contract's default, else the first that has its files.

    A model without refusals, or one whose only files are of such a one, comes last, and before it one whose
    licence limits commercial use.
    """
    available = available_models(shelf, nodes.NODE_CLASS_MAPPINGS)

    def reluctance(model: Model) -> tuple[bool, ...]:
        profile = load_profiles().get(available[model.id])
        uncensored = model.uncensored or takes_uncensored(profile, shelf)
        return uncensored, not profile.commercial, model.needs_mask, model.id != DEFAULT_MODEL

    ours = sorted((model for model in load_catalog() if model.id in available), key=reluctance)
    if not ours and chosen:
        raise ModelUnavailable(
            f"{shown(', '.join(chosen.values()))} does not tell which model it is. Choose the model.",
            field="modelId",
        )
    return ours[0].id if ours else DEFAULT_MODEL


def file_identities(selection: ProfileSelection) -> list[str]:
    """Name, size and time of each file, which differ where weights do."""
    parts = selection.profile.parts
    return [file_identity(parts[part].folder, name) for part, name in selection.files.items()]


def file_identity(folder: str, name: str) -> str:
    """Name, size and time of a file in one of ComfyUI's folders."""
    status = os.stat(folder_paths.get_full_path_or_raise(folder, name))
    return f"{name} {status.st_size} {status.st_mtime_ns}"
