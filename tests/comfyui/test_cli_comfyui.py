"""`multiedit edit --comfyui`: a real process on a real ComfyUI, and stand-ins where something goes wrong."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from multiedit.cli import output
from multiedit.cli.main import main
from multiedit.pipelines.adapters.comfyui import request_graph
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.comfyui_peer import Peer, replying, serving, success
from multiedit.tests.support.composite_graph import composite_graph
from PIL import Image

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SAMPLES = SUPPORT.parents[1] / "samples"
NOBODY = "http://127.0.0.1:9"
EDIT = ["edit", "--image", str(SAMPLES / "coffee.jpg"), "--prompt", "p", "--keep-size"]
SECONDS = 60

SLOW_EDIT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
from multiedit.cli.main import main
from multiedit.pipelines.adapters.comfyui import request_graph
from multiedit.tests.support import composite_graph
request_graph.request_graph = composite_graph.slow_graph
sys.exit(main(sys.argv[1:]))
"""


def jobs(server: Server) -> int:
    queue = server.json("/queue")
    return len(queue["queue_running"]) + len(queue["queue_pending"])


def test_a_process_edits_there(server: Server, tmp_path: Path) -> None:
    words = ["--comfyui", NOBODY, "--comfyui", server.url, "-o", "-", "--output-format", "webp"]
    done = subprocess.run(
        [sys.executable, "-m", "multiedit", *EDIT, *words], cwd=tmp_path, capture_output=True, check=True
    )
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("WEBP", (600, 400))
    told = done.stderr.decode()
    assert f"It runs on {server.url} (ComfyUI " in told
    assert f"The ComfyUI at {NOBODY}: the server cannot be reached." in told
    assert "safe mode: passed, " in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
def test_ctrl_c_cancels_the_job_on_the_server(server: Server, tmp_path: Path) -> None:
    words = ["--comfyui", server.url, "-o", str(tmp_path / "out.png")]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_EDIT, *EDIT, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + SECONDS
        while not jobs(server) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130
    while jobs(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert jobs(server) == 0
    assert list(tmp_path.iterdir()) == []


def run(peer: Peer | None, *words: str) -> int:
    """The exit code of an edit on a stand-in; None is an address where nobody is."""

    async def beside(peer: Peer) -> int:
        async with serving(peer):
            return await asyncio.to_thread(main, [*EDIT, "--comfyui", peer.url, *words])

    return asyncio.run(beside(peer)) if peer else main([*EDIT, "--comfyui", NOBODY, *words])


@pytest.fixture(autouse=True)
def _quick_graph(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(request_graph, "request_graph", composite_graph)
    monkeypatch.chdir(tmp_path)


def finishing(previews: int = 0) -> Peer:
    """Sends previews 1, 2, ..., then an unchecked result."""
    picture = io.BytesIO()
    Image.new("RGB", (600, 400)).save(picture, "png")
    about = json.dumps({"safe_mode": None, "dropped_metadata": []})
    image = {"filename": "a.png", "subfolder": "", "type": "output"}

    async def play(peer: Peer, job: str) -> None:
        for number in range(previews):
            await peer.sockets[-1].send_bytes(bytes([0, 0, 0, 1, 0, 0, 0, 1, number + 1]))
        await peer.end(job, success(**{"5": {"images": [image], "multiedit": [about]}}))

    return Peer(play, replies={"/view": replying(picture.getvalue())})


def test_the_newest_preview_is_kept() -> None:
    words = ("--no-safe-mode", "--preview", "newest.jpg", "-o", "out.png")
    assert run(finishing(previews=3), *words) == 0
    assert Path("newest.jpg").read_bytes() == b"\x03"
    assert sorted(os.listdir()) == ["newest.jpg", "out.png"]


def test_a_preview_that_did_not_come_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(finishing(), "--no-safe-mode", "--preview", "newest.jpg", "-o", "out.png") == 0
    assert "No preview was written: layer-composite makes its image at once" in capsys.readouterr().err
    assert os.listdir() == ["out.png"]


def test_json_tells_as_of_an_edit_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(finishing(), "--no-safe-mode", "-o", "out.png", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == "out.png"
    assert told["seconds"].keys() == {"load", "upload", "edit", "fetch"}
    assert told["safety"]["status"] == "off"


def test_the_plan_is_explained_and_nothing_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    peer = finishing()
    assert run(peer, "--explain") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "layer-composite"
    assert not any(line.startswith("POST") for line in peer.asked)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("-o out.png", 1, "cannot be reached"),
        ("-o out.png --comfyui ann:s3cret@host", 2, "does not begin with http://"),
        ("-o out.png --preset strict", 2, "--preset is for safe mode on this machine"),
        ("-o out.png --check-inputs", 2, "--check-inputs is for safe mode on this machine"),
        ("-o out.png --preview p.jpg", 2, "before safe mode has screened it"),
        ("-o out.png --preview nowhere/p.jpg", 7, "The folder nowhere does not exist"),
        ("-o out.png --comfyui http://127.0.0.1:8", 5, "None of the 2 ComfyUI servers can run this edit:"),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], words: str, code: int, told: str
) -> None:
    assert run(None, *words.split()) == code
    captured = capsys.readouterr()
    assert told in captured.err
    assert (captured.out, captured.err.count("\n"), "s3cret" in captured.err) == ("", 1, False)
    assert os.listdir() == []


def test_a_preview_needs_a_comfyui(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EDIT, "--preview", "p.jpg", "-o", "out.png"]) == 2
    assert "add --comfyui" in capsys.readouterr().err


def test_the_bar_says_what_comfyui_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal: Any = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with output.progress_bar(Namespace(json=False), {"edit": (0, 100)}, delay=0.0) as stage:
        stage("edit", 0.5, "Multi-Edit 7/20")
        deadline = time.monotonic() + 30
        while "edit: Multi-Edit 7/20" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "edit: Multi-Edit 7/20" in terminal.getvalue()
