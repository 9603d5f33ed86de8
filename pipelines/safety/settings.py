"""Read safe mode's settings on this machine. Without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import InvalidRequest
from ..common.settings import read_variable
from ..common.user_folders import user_folder
from ..common.validation import shown
from .classifiers.classifier import ClassifierLoader
from .classifiers.specs import CLASSIFIERS, EMBEDDED
from .classifiers.store import Store
from .policy import DEFAULT_POLICY, Policy

_OPTIONAL = "optional"
_MODES = (_OPTIONAL, "always")
_OF_POLICY = ("preset", "on_missing", "tiles", "inputs")


@dataclass(frozen=True)
class SafetySettings:
    """The classifiers, the policy, and where the weights are.

    | variable                        | what                                               | default     |
    |---------------------------------|----------------------------------------------------|-------------|
    | `MULTIEDIT_SAFETY_CLASSIFIERS`  | names, with a comma between; any of them may flag  | see below   |
    | `MULTIEDIT_SAFETY_PRESET`       | `strict`, `default` or `loose`                     | `default`   |
    | `MULTIEDIT_SAFETY_ON_MISSING`   | `error` or `blur_all`                              | `error`     |
    | `MULTIEDIT_SAFETY_TILES`        | `true`: large images in quarters as well           | `false`     |
    | `MULTIEDIT_SAFETY_INPUTS`       | `true`: the images of a request too                | `false`     |
    | `MULTIEDIT_SAFE_MODE`           | `optional`, or `always`: on whatever a request says | `optional`  |
    | `MULTIEDIT_SAFETY_FOLDER`       | where downloaded weights are                       | see below   |
    | `MULTIEDIT_SAFETY_ALLOWED`      | sha256 of weights of your own, with commas between | none        |

    Without a name the classifiers are those of the package, together. Without a folder it is
    `models/classifiers` of the ComfyUI that this package lies in, else `multi-edit/classifiers` in the user's
    data folder.

    Raises:
        InvalidRequest: a classifier is unknown or named twice, or none is named.
    """

    store: Store
    classifiers: tuple[str, ...] = EMBEDDED
    policy: Policy = field(default=DEFAULT_POLICY)

    def __post_init__(self) -> None:
        names = self.classifiers
        if not names or len(set(names)) != len(names) or not set(names) <= set(CLASSIFIERS):
            raise InvalidRequest(
                f"The safe mode classifiers are {shown(', '.join(names) or 'none')}; name one or more of "
                f"{', '.join(CLASSIFIERS)}, each once."
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SafetySettings:
        """Read the variables above.

        Raises:
            InvalidRequest: one has an invalid value.
        """
        policy: dict[str, Any] = {
            name: read_variable(f"SAFETY_{name}", getattr(DEFAULT_POLICY, name), environment)
            for name in _OF_POLICY
        }
        policy["always"] = read_variable("SAFE_MODE", _OPTIONAL, environment, choices=_MODES) != _OPTIONAL
        folder = read_variable("SAFETY_FOLDER", "", environment)
        allowed = read_variable("SAFETY_ALLOWED", (), environment)
        classifiers = read_variable("SAFETY_CLASSIFIERS", EMBEDDED, environment)
        return cls(
            Store((Path(folder) if folder else _default_folder(environment),), _lower(allowed)),
            _lower(classifiers),
            Policy(**policy),
        )

    def loader(self) -> ClassifierLoader:
        """Return what loads the classifiers, on the CPU."""
        from .classifiers.loader import classifier_loader

        return classifier_loader(self.classifiers, self.store)


def _lower(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)


def _default_folder(environment: Mapping[str, str]) -> Path:
    package = Path(__file__).parents[2]
    models = package.parent.parent / "models"
    if package.parent.name == "custom_nodes" and models.is_dir():
        return models / "classifiers"
    return user_folder("data", environment) / "classifiers"
