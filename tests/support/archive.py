"""What the registry gives to users: files in git but those of .comfyignore, as `comfy node pack` has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PACK = Path(__file__).resolve().parents[2]
_LIST = ["git", "-C", str(PACK), "ls-files", "-z", "--cached"]


def archived_files() -> set[str]:
    """Their paths in the pack."""
    ignored = _listed("--ignored", f"--exclude-from={PACK / '.comfyignore'}")
    return {name for name in _listed() - ignored if (PACK / name).is_file()}


def unpack_archive(target: Path) -> None:
    """Make the folder that an installation from the registry has in custom_nodes."""
    for name in archived_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACK / name, target / name)


def _listed(*options: str) -> set[str]:
    listed = subprocess.run([*_LIST, *options], check=True, capture_output=True, text=True).stdout
    return set(listed.split("\0")) - {""}
