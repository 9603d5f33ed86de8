"""The further model folders of a ComfyUI: `extra_model_paths.yaml` beside its main.py."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....common.errors import InvalidRequest
from ....common.validation import shown

_NAMES = {"unet": "diffusion_models", "clip": "text_encoders"}  # old ones, which ComfyUI reads too


@dataclass(frozen=True)
class ExtraFolder:
    """One folder with model files; `first`: its files go before those of ComfyUI's own folder."""

    name: str
    path: Path
    first: bool


def extra_paths_file(models: Path) -> Path | None:
    """The file that the ComfyUI reads whose folder `models` this is; None where there is none."""
    file = models.parent / "extra_model_paths.yaml"
    return file if file.is_file() and (models.parent / "main.py").is_file() else None


def read_extra_folders(file: Path) -> list[ExtraFolder]:
    """Read the folders, relative ones from the section's `base_path`, else from the file's own folder.

    Raises:
        ModuleNotFoundError: PyYAML, which ComfyUI brings, is not installed.
        InvalidRequest: the file cannot be read, or is not as ComfyUI takes it.
    """
    import yaml

    try:
        sections = yaml.safe_load(file.read_text("utf-8")) or {}
        return [
            folder
            for section in sections.values()
            if section is not None
            for folder in _section(section, file.absolute().parent)
        ]
    except OSError as error:
        raise InvalidRequest(f"{shown(file)} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError):
        raise InvalidRequest(
            f"{shown(file)} is not what ComfyUI takes. Compare it with the extra_model_paths.yaml.example "
            "beside it."
        ) from None


def _section(section: Mapping[str, Any], beside: Path) -> list[ExtraFolder]:
    base = beside / os.path.expandvars(os.path.expanduser(section.get("base_path", "")))
    return [
        ExtraFolder(_NAMES.get(name, name), base / line, bool(section.get("is_default", False)))
        for name, lines in section.items()
        if name not in ("base_path", "is_default")
        for line in lines.split("\n")
        if line
    ]
