"""The models that a ComfyUI can run, by the nodes and the files that it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from ....common.errors import ModelUnavailable
from ...local import LOCAL_MODELS
from ..profiles.part_files import Folders
from ..profiles.profile import Profile
from ..profiles.registry import Profiles, load_profiles
from ..profiles.selection import ProfileSelection, alias_notes, select_profile
from .client import ServerFacts

Choose = Callable[[str, Folders, int, Collection[str]], ProfileSelection]

# What every queued edit is made of, and what a generative model needs beside it.
NODES = ("MultiEditLoadLayers", "MultiEditEdit", "MultiEditSafeMode", "MultiEditSave")
GENERATIVE_NODES = ("MultiEditLoadModel", "MultiEditExtend")


class ModelRunner(NamedTuple):
    """The runner of a model there: the adapter's name for the plan, and the plan's notes about it."""

    adapter: str
    notes: tuple[str, ...]


class ServerModels:
    """Knows what to ask a ComfyUI for, and what its responses mean for a model.

    Args:
        select_profile: decides how a generative model is loaded, or raises ModelUnavailable.
        profiles: of the generative models; None for those of the package.
        resolve_alias: the model that runs where another is asked for (see `aliases.resolve_alias`).
    """

    def __init__(
        self,
        select_profile: Choose = select_profile,
        profiles: Profiles | None = None,
        resolve_alias: Callable[[str], str] = lambda model: model,
    ) -> None:
        self._choose = select_profile
        self._profiles = load_profiles() if profiles is None else profiles
        self._resolve_alias = resolve_alias

    def nodes(self, models: Iterable[str]) -> tuple[str, ...]:
        """Names of the nodes to ask a server for, if it may have to run one of these models."""
        needed = (node for profile in self._of(models) for node in profile.nodes)
        return tuple(dict.fromkeys((*NODES, *GENERATIVE_NODES, *needed)))

    def folders(self, models: Iterable[str]) -> tuple[str, ...]:
        """Names of the model folders to ask for."""
        parts = (part for profile in self._of(models) for part in profile.parts.values())
        return tuple(dict.fromkeys(part.folder for part in parts))

    def runner(self, model: str, facts: ServerFacts) -> ModelRunner:
        """Return what runs a model on a server.

        Raises:
            ModelUnavailable: it cannot run there; the message says what is missing.
        """
        embedded = model in LOCAL_MODELS
        missing = [
            node for node in (*NODES, *(() if embedded else GENERATIVE_NODES)) if node not in facts.nodes
        ]
        if missing:
            raise ModelUnavailable(
                f"This ComfyUI ({facts.version}) does not have the node {missing[0]}. Install the version of "
                "multi-edit that runs here in its custom_nodes folder, and start it again."
            )
        if embedded:
            return ModelRunner(model, ())
        choice = self._choose(self._resolve_alias(model), facts.models, facts.memory_bytes, facts.nodes)
        notes = alias_notes(model, choice.profile)
        return ModelRunner(choice.profile.family, (*notes, *choice.notes))

    def _of(self, models: Iterable[str]) -> list[Profile]:
        return [
            profile for model in models for profile in self._profiles.of_model(self._resolve_alias(model))
        ]
