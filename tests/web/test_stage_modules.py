"""The modules of web/: their own tests in node, their types, and that one file alone knows ComfyUI."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
from multiedit.tests.support.comfyui import CACHE, PACK

HERE = Path(__file__).resolve().parent
MODULES = sorted((PACK / "web").rglob("*.js"))
NODE = shutil.which("node")
TSC = shutil.which("tsc") or shutil.which("tsc", path=str(CACHE / "typescript" / "node_modules" / ".bin"))
HOST = "host.js"  # every call to ComfyUI is there, so that the others serve a page of our own too
# Texts that are asked for by a variable.
NAMED = {"image", "incoming", "offsetX", "offsetY", "scale", "rotation"}
OLDEST_NODE = (20, 19)  # reads a module by what is in it


def node_version() -> tuple[int, ...]:
    assert NODE is not None
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.strip().removeprefix("v").split(".")))


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_the_modules_pass_their_tests() -> None:
    if node_version() < OLDEST_NODE:
        pytest.skip(f"node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer is needed")
    files = sorted(map(str, HERE.glob("*.test.js")))
    done = subprocess.run([str(NODE), "--test", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(?m)^# pass (\d+)", done.stdout)[0]) > len(files)


@pytest.mark.skipif(TSC is None or NODE is None, reason="no TypeScript; `make typescript` installs it")
def test_the_modules_are_typed() -> None:
    done = subprocess.run([str(TSC), "--project", str(HERE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_vectors_are_those_of_the_placement_of_today() -> None:
    script = runpy.run_path(str(PACK / "scripts" / "make_stage_vectors.py"))
    assert script["text"]() == (HERE / "placement_vectors.json").read_text()


def test_one_file_alone_imports_comfyui() -> None:
    outside = {
        path.name
        for path in MODULES
        for source in re.findall(r"""(?:from|import)\s*\(?['"]([^'"]+)""", path.read_text())
        if not (path.parent / source).resolve().is_relative_to(PACK / "web")
    }
    assert outside <= {HOST}


def test_every_text_has_every_language() -> None:
    folders = [path.parent for path in (PACK / "locales").glob("*/nodeDefs.json")]
    texts = {
        folder.name: json.loads((folder / "main.json").read_text("utf-8"))["multiEditStage"]
        for folder in folders
    }
    sources = "".join(path.read_text() for path in MODULES)
    asked = set(re.findall(r"\btext\('(\w+)'", sources)) | NAMED
    assert {language: set(each) for language, each in texts.items()} == dict.fromkeys(texts, asked)
    others = {language: each for language, each in texts.items() if language != "en"}
    same = {
        (language, key) for language, each in others.items() for key in each if each[key] == texts["en"][key]
    }
    assert same == {("fr", "image"), ("fr", "visible"), ("fr", "base")}  # the French words


def test_every_module_is_small_and_ascii() -> None:
    assert [path.name for path in MODULES if not path.read_bytes().isascii()] == []
    assert [path.name for path in MODULES if len(path.read_text().splitlines()) > 400] == []
