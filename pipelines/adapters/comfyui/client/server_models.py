"""The models that a ComfyUI can run, by the nodes and the files that it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from ....common.errors import InvalidRequest, ModelUnavailable
from ....common.validation import shown
from ....planning.model_options import ModelOptions
from ...local import LOCAL_MODELS
from ..families import SHIFTED
from ..profiles.part_files import Folders
from ..profiles.profile import PART_FOLDERS, Profile
from ..profiles.registry import Profiles, load_profiles
from ..profiles.sampling import Sampling, with_lora, with_sampling
from ..profiles.selection import ProfileSelection, alias_notes, select_profile
from .client import ServerFacts

Choose = Callable[[str, Folders, int, Collection[str], "str | None"], ProfileSelection]

# What every queued edit is made of, and what a generative model needs beside it.
NODES = ("MultiEditLoadLayers", "MultiEditEdit", "MultiEditSafeMode", "MultiEditSave")
GENERATIVE_NODES = ("MultiEditLoadModel", "MultiEditLora", "MultiEditSampling", "MultiEditExtend")
_DEFAULTS = ModelOptions()


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
        return tuple(dict.fromkeys((*(part.folder for part in parts), PART_FOLDERS["lora"])))

    def runner(self, model: str, facts: ServerFacts, options: ModelOptions = _DEFAULTS) -> ModelRunner:
        """Return what runs a model on a server.

        Raises:
            ModelUnavailable: it cannot run there; the message says what is missing.
            InvalidRequest: an option is not for the model, or names a LoRA that is not there.
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
        runs, folders = self._resolve_alias(model), facts.models
        choice = self._choose(runs, folders, facts.memory_bytes, facts.nodes, options.profile)
        choice = _with_options(choice, options, folders)
        notes = alias_notes(model, choice.profile)
        return ModelRunner(choice.profile.family, (*notes, *choice.notes))

    def _of(self, models: Iterable[str]) -> list[Profile]:
        return [
            profile for model in models for profile in self._profiles.of_model(self._resolve_alias(model))
        ]


def _with_options(choice: ProfileSelection, options: ModelOptions, folders: Folders) -> ProfileSelection:
    """Change a selection as the nodes of the graph will, for the notes of the plan."""
    for lora in options.loras:
        if lora.name not in folders.get(PART_FOLDERS["lora"], ()):
            raise InvalidRequest(
                f"multiedit.loras has {shown(lora.name)}, which is not in models/loras of the ComfyUI. Put "
                "it there, or leave it out.",
                field="multiedit.loras",
            )
        choice = with_lora(choice, lora.name, lora.strength)
    changed = Sampling(steps=options.steps, cfg=options.cfg, negative_prompt=options.negative_prompt)
    return with_sampling(choice, changed, choice.profile.family in SHIFTED)
