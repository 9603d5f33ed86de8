"""The folders for the user's own files: the XDG folders, each with ours inside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Kind = Literal["config", "cache", "data", "state"]
_FOLDERS: dict[Kind, tuple[str, str]] = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
}


def user_folder(kind: Kind, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of a kind; it need not be there yet."""
    variable, usual = _FOLDERS[kind]
    named = environment.get(variable)
    return (Path(named) if named else Path.home() / usual) / "multi-edit"
