"""How the user calls our command line: by its name, or where there is only ComfyUI, by the pack's folder."""

from __future__ import annotations

import shlex
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]  # as it is called, be it a link


def command(words: str, package: Path = _PACKAGE) -> str:
    """A command of ours to show in a message: "safety list" gives "`multiedit safety list`".

    ComfyUI installs no script for a folder in custom_nodes, but its Python runs the folder (__main__.py).
    """
    if package.parent.name != "custom_nodes":
        return f"`multiedit {words}`"
    folder = shlex.quote(f"custom_nodes/{package.name}")
    return f"`python {folder} {words}` (in ComfyUI's folder, with its Python)"
