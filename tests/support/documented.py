"""The examples of the HTTP API in README.md and docs/api.md, run as they stand but for the port."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "api.md")
KEY = "my-secret-key"
_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WRITTEN = re.compile(r"[\w-]+\.(?:png|webp)(?=[\"\s])")


def examples(pages: tuple[Path, ...] = PAGES) -> list[tuple[str, str]]:
    """(language, text) of each, but for the starting of the server."""
    found = [match.groups() for page in pages for match in _BLOCK.finditer(page.read_text("utf-8"))]
    return [(language, text) for language, text in found if "multiedit serve" not in text]


def run(language: str, text: str, address: str, folder: Path) -> list[Path]:
    """Run an example in a folder with samples/; the pictures that it has written."""
    if not (folder / "samples").exists():
        shutil.copytree(ROOT / "samples", folder / "samples")
    text = text.replace("http://127.0.0.1:8787", address)
    program = ["bash", "-euc"] if language == "bash" else [sys.executable, "-c"]
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [*program, text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = [folder / name for name in _WRITTEN.findall(text) if not (ROOT / "samples" / name).exists()]
    assert written, text
    return written
