"""Older ComfyUIs, from the floor of `requires-comfyui` on, each with the frontend that it pins."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import pytest
from multiedit.tests.support import browser as chromium_browser
from multiedit.tests.support.comfyui import CACHE, PACK, Installation, Server
from multiedit.tests.support.pictures import PICTURES, PictureServer, prompt_of
from multiedit.tests.support.templates import template_file
from PIL import Image

# Version, and the frontend of its requirements.txt; `make comfyui-versions` brings both.
VERSIONS = {"0.15.0": "1.39.16", "0.25.0": "1.45.15"}
API = PACK / "workflows" / "api"
# What needs a node that came later, with the first version that has it.
LATER = {"layer-editor": "0.31"}
WEIGHTLESS = [
    path.stem
    for path in sorted(API.glob("*.json"))
    if "MultiEditLoadModel" not in path.read_text() and path.stem not in LATER
]


@pytest.fixture(scope="module", params=VERSIONS)
def older(
    request: pytest.FixtureRequest, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of an older version with the pack; on the Python of the newer one."""
    home = CACHE / f"ComfyUI-{request.param}"
    frontend = CACHE / "frontends" / VERSIONS[request.param]
    for part in (home / "main.py", frontend / "index.html"):
        if not part.exists():
            pytest.skip(f"no {part.parent.name} in the cache; `make comfyui-versions` brings it")
    server = Server(
        Installation(home, installation.python),
        tmp_path_factory.mktemp("older"),
        {"multi-edit": PACK},
        ("--front-end-root", str(frontend)),
        {"MULTIEDIT_FETCH_ALLOWED_HOSTS": "127.0.0.1"},
    )
    with server:
        server.add_inputs(*PICTURES)
        yield server


def test_the_floor_is_the_oldest_that_is_tried() -> None:
    project = (PACK / "pyproject.toml").read_text("utf-8")
    assert f'requires-comfyui = ">={min(VERSIONS)}"' in project
    assert f'"comfyui-frontend-package>={min(VERSIONS.values())}"' in project


def test_the_pack_starts_without_a_complaint(older: Server) -> None:
    nodes = older.json("/object_info")
    assert "MultiEditEdit" in nodes
    assert not re.search(r"(IMPORT FAILED|Cannot import)[^\n]*custom_nodes/multi-edit", older.log)
    assert not re.search(r'File "[^"]*custom_nodes/multi-edit', older.log)


@pytest.mark.parametrize("name", WEIGHTLESS)
def test_a_weightless_workflow_runs(older: Server, picture_server: PictureServer, name: str) -> None:
    run = older.run(prompt_of(name, picture_server))
    assert "execution_success" in run.events, run.error
    files = [file for output in run.entry["outputs"].values() for file in output.get("images", ())]
    assert files
    for file in files:
        Image.open(io.BytesIO(older.view(file))).load()


@pytest.mark.parametrize("name", LATER)
def test_what_needs_a_later_version_says_so(name: str) -> None:
    note = (PACK / "scripts" / "workflow_notes" / f"{name}.md").read_text()
    assert f"({LATER[name]} or newer)" in note


def test_the_templates_open_in_its_own_frontend(older: Server) -> None:
    if reason := chromium_browser.missing():
        pytest.skip(reason)
    with chromium_browser.chromium() as browser:
        canvas = chromium_browser.Canvas(browser, older.url)
        canvas.complaints.clear()  # of the page itself, which was asked before it was there
        for name in WEIGHTLESS:
            graph = json.loads(template_file(name).read_text())
            canvas.page.evaluate("graph => app.loadGraphData(graph)", graph)
            assert canvas.prompt() == json.loads((API / f"{name}.json").read_text()), name
        assert canvas.complaints == []
