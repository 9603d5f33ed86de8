"""`multiedit safety`: check, list, download, verify, remove."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.safety.classifiers import specs
from multiedit.tests.support.shell import Shell


def test_an_image_is_scored_and_the_exit_code_is_0_whatever_the_decision(shell: Shell) -> None:
    passed = shell("safety check red.png --json")
    assert (passed.code, passed.json["label"], passed.json["blurred"]) == (0, "sfw", False)
    flagged = shell("safety check red.png --threshold 0")
    assert flagged.code == 0
    decision = rb"nsfw: safe mode would blur it, open_nsfw\.nsfw 0\.\d{4}, threshold 0"
    line = decision + rb", classifier open_nsfw\+nsfwjs\n"
    assert re.fullmatch(line, flagged.out)


def test_notes_about_the_file_are_said(shell: Shell) -> None:
    Path("cut.png").write_bytes(Path("red.png").read_bytes()[:-12])
    note = "The image is an incomplete PNG file: its end is missing or damaged, but every pixel is there."
    assert note in shell("safety check cut.png").err
    assert shell("safety check cut.png --json").json["notes"] == [note]


@pytest.mark.parametrize(("preset", "threshold"), [("strict", 0.3), ("default", 0.5), ("loose", 0.8)])
def test_a_preset_is_chosen_by_option_or_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, preset: str, threshold: float
) -> None:
    shown = shell(f"safety check red.png --preset {preset} --json").json
    assert (shown["preset"], shown["threshold"]) == (preset, threshold)
    monkeypatch.setenv("MULTIEDIT_SAFETY_PRESET", preset)
    assert shell("safety check red.png --json").json == shown


WEIGHTS = b"weights " * 1000


@pytest.fixture
def weights_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """An address that delivers `WEIGHTS`, which the classifier `light` then is."""
    changed = {"size": len(WEIGHTS), "sha256": hashlib.sha256(WEIGHTS).hexdigest()}
    monkeypatch.setitem(
        specs.CLASSIFIERS, "light", dataclasses.replace(specs.CLASSIFIERS["light"], **changed)
    )
    monkeypatch.setenv("MULTIEDIT_SAFETY_FOLDER", str(tmp_path / "classifiers"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(WEIGHTS)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/model.safetensors"
        server.shutdown()
        thread.join()


def test_weights_are_downloaded_listed_verified_and_removed(shell: Shell, weights_server: str) -> None:
    listed = {each["name"]: each["weights"] for each in shell("safety list --json").json}
    assert listed == {"open_nsfw": "present", "nsfwjs": "present", "light": "absent", "recommended": "absent"}

    downloaded = shell(f"safety download light --yes --url {weights_server}")
    assert downloaded.code == 0
    for words in ("Apache-2.0", "0.0 MB", weights_server):
        assert words in downloaded.err
    assert "already downloaded" in shell(f"safety download light --url {weights_server}").out.decode()
    verified = shell("safety verify --json").json
    assert verified == {name: specs.CLASSIFIERS[name].sha256 for name in ("open_nsfw", "nsfwjs", "light")}

    (file,) = Path("classifiers/nsfw").iterdir()
    file.write_bytes(WEIGHTS[:-1] + b"x")
    assert shell("safety verify").code == 6
    assert shell("safety verify recommended").code == 6
    again = shell(f"safety download light --yes --url {weights_server}")
    assert (again.code, file.read_bytes()) == (0, WEIGHTS)
    assert "expected" in again.err

    assert shell("safety remove light --yes").out.decode() == f"Removed {file.absolute()}.\n"
    assert not file.exists()
    assert "is not downloaded" in shell("safety remove light").out.decode()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("safety download light", 2, "Not a terminal; pass --yes"),
        ("safety download nudenet", 2, "open_nsfw, nsfwjs, light, recommended"),
        ("safety download light --yes --url http://127.0.0.1:1/x", 4, "could not be downloaded"),
        ("safety download light --yes --url file:///etc/hosts", 2, "https://"),
        ("safety remove open_nsfw --yes", 7, "part of multi-edit"),
        ("safety check red.png --classifier light", 6, "multiedit safety download light"),
        ("safety check red.png --classifier nudenet", 2, "open_nsfw, nsfwjs, light, recommended"),
        ("safety check red.png --preset lax", 2, "strict, default, loose"),
    ],
)
def test_a_failure_is_reported(
    shell: Shell, weights_server: str, command: str, code: int, words: str
) -> None:
    ran = shell(command)
    assert ran.code == code
    assert words in ran.err
