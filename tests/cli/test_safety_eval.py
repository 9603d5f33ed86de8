from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from multiedit.tests.support.shell import Shell


def test_an_evaluation_has_every_preset_and_keeps_hashes_alone(shell: Shell) -> None:
    Path("labels.csv").write_text("file,label\nred.png,unsafe\nblue.jpg,safe\ntext.png,safe\n")
    shown = shell("safety eval --dir . --labels labels.csv --scores scores.json --json").json
    assert shown["unread"] == 1
    assert {(each["views"], each["preset"]) for each in shown["results"]} == {
        (views, preset) for views in ("whole", "tiles") for preset in ("strict", "default", "loose")
    }
    kept = json.loads(Path("scores.json").read_text())
    images = {hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("red.png", "blue.jpg")}
    assert kept.keys() == images
    assert "red" not in Path("scores.json").read_text()
    table = shell("safety eval --dir . --benign").out.decode().splitlines()
    assert len(table) == 7
    assert "0/4" in table[2]


@pytest.mark.parametrize(
    "words", ["", "--benign --labels labels.csv", "--labels nowhere.csv", "--benign --classifier nudenet"]
)
def test_an_evaluation_that_cannot_be_is_refused(shell: Shell, words: str) -> None:
    assert shell(f"safety eval --dir . {words}").code == 2
