"""ComfyUI's newest templates and node documents, as they are on PyPI.

`make upstream` puts both packages into the cache folder; the newest version that is there is read, straight
from its wheel. MULTIEDIT_UPSTREAM names another folder.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

TEMPLATES, DOCUMENTS = "comfyui_workflow_templates_json", "comfyui_embedded_docs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multi-edit" / "upstream"
MISSING = "ComfyUI's newest templates and node documents are not here (make upstream)"


class Package(NamedTuple):
    """The newest wheel of a package, and its version."""

    wheel: Path
    version: str

    def text(self, name: str) -> str | None:
        """The text of a file below the package, None where there is none of that name."""
        path = f"{self.wheel.name.split('-')[0]}/{name}"
        files = _opened(self.wheel)
        return files.read(path).decode() if path in files.NameToInfo else None


@lru_cache(maxsize=2)
def _opened(wheel: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel)


@lru_cache(maxsize=4)
def find(package: str) -> Package | None:
    """The newest version of a package that is here; None without any."""
    folder = Path(os.environ.get("MULTIEDIT_UPSTREAM") or CACHE)
    wheels = {_version(path): path for path in folder.glob(f"{package}-*.whl")}
    if not wheels:
        return None
    newest = max(wheels)
    return Package(wheels[newest], ".".join(map(str, newest)))


def _version(wheel: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", wheel.name.split("-")[1]))


@lru_cache(maxsize=64)
def template(name: str) -> Any:
    """A template as the frontend saves it.

    Raises:
        LookupError: the newest package has none of that name.
    """
    package = find(TEMPLATES)
    text = package.text(f"templates/{name}.json") if package else None
    if text is None:
        raise LookupError(f"{name}.json is not in {package}")
    return json.loads(text)


class Documented(NamedTuple):
    """An input by its document: whether a prompt has to have it, and its options where they are listed."""

    required: bool
    options: tuple[str, ...]


@lru_cache(maxsize=64)
def documented_inputs(node: str) -> dict[str, Documented] | None:
    """The inputs of a node by name, in lower case; None where it has no document."""
    package = find(DOCUMENTS)
    text = package.text(f"docs/{node}/en.md") if package else None
    if text is None:
        return None
    found: dict[str, Documented] = {}
    columns: list[str] = []
    tables = 0
    for line in text.split("## Outputs")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if {"Data Type", "Comfy dtype"} & set(cells):  # older documents have the latter
            columns, tables = cells, tables + 1
        elif columns and len(cells) == len(columns) and not set(cells[0]) <= set("-: "):
            row = dict(zip(columns, cells, strict=True))
            options = tuple(re.findall(r'`"([^`]+)"`', row.get("Range", "")))
            # Later tables are of inputs that a choice in the first one shows.
            required = tables == 1 and row.get("Required", "").startswith("Yes")
            found[cells[0].strip("`").lower()] = Documented(required, options)
    return found
