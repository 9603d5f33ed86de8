from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from multiedit.tests.support.pictures import PictureServer
from multiedit.tests.support.shell import BLUE, RED, SIZE, Shell, open_image, pixel, write_document


def test_notes_about_the_files_are_said(shell: Shell) -> None:
    Path("cut.png").write_bytes(Path("red.png").read_bytes()[:-12])
    Path("cut.json").write_text('{"layers": [{"image": "cut.png"}]}')
    end = "its end is missing or damaged, but every pixel is there."
    note = f"Layers.1.image is an incomplete PNG file: {end}"
    assert note in shell("compose cut.json -o out.png").err
    assert shell("compose cut.json -o out.png --json").json["notes"] == [note]


def test_a_document_is_composited(shell: Shell) -> None:
    write_document()
    ran = shell("compose doc.json -o out.png --json")
    assert ran.json.keys() == {
        "output", "outputs", "media_type", "bytes", "safety", "dropped_metadata", "notes",
    }  # fmt: skip
    assert ran.json["safety"]["label"] == "sfw"
    assert pixel("out.png", (75, 110)) == RED  # a layer's mask is white where the layer is transparent
    assert pixel("out.png", (225, 110)) == pytest.approx(BLUE, abs=3)
    assert shell("compose doc.json --no-safe-mode -o out").err == "out: image/png\nsafe mode: off\n"


def test_a_document_may_name_urls(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    red = base64.b64encode(Path("red.png").read_bytes()).decode()
    with PictureServer() as server:
        monkeypatch.setenv("MULTIEDIT_FETCH_ALLOWED_HOSTS", "127.0.0.1")
        top = {"image": server.address("coffee.jpg"), "w": 150, "h": 220}
        Path("doc.json").write_text(json.dumps({"layers": [{"image": f"data:image/png;base64,{red}"}, top]}))
        assert shell("compose doc.json --no-safe-mode -o out.png").code == 0
    assert open_image("out.png").size == SIZE
    assert pixel("out.png", (225, 110)) == RED
    assert pixel("out.png", (75, 110)) != RED
