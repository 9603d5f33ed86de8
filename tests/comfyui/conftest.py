"""Real ComfyUI servers for all tests of this folder, and one Chromium for those that need a page."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.tests.support import browser as chromium_browser
from multiedit.tests.support.comfyui import CACHE, PACK, Installation, Server
from multiedit.tests.support.documented import KEY
from multiedit.tests.support.pictures import CAT, PICTURES, PictureServer

FOLDER = "Any_Name-1.2"  # the user's choice, so nothing may depend on it
ENVIRONMENT = {
    "MULTIEDIT_FETCH_ALLOWED_HOSTS": "127.0.0.1",
    "MULTIEDIT_API_KEYS": KEY,
    "MULTIEDIT_REQUESTS_PER_MINUTE": "1000",
}
SUPPORT = PACK / "tests" / "support"
NEWEST_FRONTEND = CACHE / "frontend" / "comfyui_frontend_package" / "static"


@pytest.fixture(scope="session")
def installation() -> Installation:
    found = Installation.find()
    if reason := found.missing():
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def server(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the pack in a folder of another name and its photographs in the input folder."""
    server = Server(
        installation,
        tmp_path_factory.mktemp("comfyui"),
        {FOLDER: PACK},
        environment=ENVIRONMENT,
    )
    with server:
        server.add_inputs(*PICTURES, CAT)
        yield server


@pytest.fixture(scope="session")
def tiny_models(installation: Installation) -> Path:
    """A `models` folder with tiny random weights; made once for each version of its script and of ComfyUI."""
    script = SUPPORT / "tiny_models.py"
    version = hashlib.sha256(script.read_bytes() + installation.version.encode()).hexdigest()[:16]
    folder = CACHE / "tiny-models" / version
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            made = Path(unfinished, "models")
            command = [installation.python, script, "--comfyui", installation.home, made]
            subprocess.run(command, check=True, capture_output=True)
            if not folder.exists():  # another run may have been quicker
                made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def model_server(
    installation: Installation, tiny_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the pack and the tiny models, that counts what they do: see tests/support/tiny_shim."""
    base = tmp_path_factory.mktemp("comfyui-models")
    # Links to the files, so that a test may add to the folders or take from them.
    shutil.copytree(tiny_models, base / "models", copy_function=os.symlink)
    server = Server(
        installation,
        base,
        {FOLDER: PACK, "tiny_shim": SUPPORT / "tiny_shim"},
        arguments=("--preview-method", "latent2rgb"),
        # One image more than most models take, so that it is the model that refuses it.
        environment={**ENVIRONMENT, "MULTIEDIT_MAX_IMAGES": "4"},
    )
    with server:
        server.add_inputs(*PICTURES, CAT)
        yield server


@pytest.fixture(scope="session")
def picture_server() -> Iterator[PictureServer]:
    with PictureServer() as server:
        yield server


# Not for the session: while Playwright is there no other test could run an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if reason := chromium_browser.missing():
        pytest.skip(reason)
    with chromium_browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def canvas(browser: Any, server: Server) -> Iterator[chromium_browser.Canvas]:
    """A page of ComfyUI."""
    canvas = chromium_browser.Canvas(browser, server.url)
    yield canvas
    canvas.page.close()


@pytest.fixture(scope="session", params=["pinned", "newest"])
def stage_server(
    request: pytest.FixtureRequest, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with each frontend, of its own since the tests of the stage change the user's settings."""
    with Server(
        installation,
        tmp_path_factory.mktemp("comfyui-stage"),
        {"multi-edit": PACK},
        frontend_arguments(request.param),
    ) as server:
        server.add_inputs(*PICTURES, CAT)
        yield server


def frontend_arguments(frontend: str) -> tuple[str, ...]:
    """ComfyUI's arguments for the frontend that it pins or for the newest; skips where that is not there."""
    if frontend == "pinned":
        return ()
    if not NEWEST_FRONTEND.exists():
        pytest.skip(f"no newer frontend at {NEWEST_FRONTEND}; `make frontend` downloads it")
    return ("--front-end-root", str(NEWEST_FRONTEND))


@pytest.fixture(scope="module", params=["classic", "nodes 2.0"])
def stage_canvas(
    request: pytest.FixtureRequest, browser: Any, stage_server: Server
) -> Iterator[chromium_browser.Canvas]:
    """A page in each renderer, which must not complain."""
    stage_server.post("/settings/Comfy.VueNodes.Enabled", request.param == "nodes 2.0")
    canvas = chromium_browser.Canvas(browser, stage_server.url)
    canvas.complaints.clear()  # of ComfyUI's own start
    canvas.page.set_default_timeout(5000)
    yield canvas
    assert canvas.complaints == []
    canvas.page.close()
