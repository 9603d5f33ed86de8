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
    table = shell("safety eval --dir . --benign --classifier open_nsfw").out.decode().splitlines()
    assert len(table) == 7
    assert "0/4" in table[2]


def test_several_classifiers_are_measured_each_alone_and_together(shell: Shell) -> None:
    rows = shell("safety eval --dir . --benign --json").json["results"]
    strict = {row["classifier"]: row["rules"] for row in rows if row["preset"] == "strict"}
    assert list(strict) == ["open_nsfw", "nsfwjs", "open_nsfw+nsfwjs"]
    assert [rule["level"] for rule in strict["nsfwjs"]] == ["hentai", "porn", "sexy"]
    levels = ["open_nsfw.nsfw", "nsfwjs.hentai", "nsfwjs.porn", "nsfwjs.sexy"]
    assert [rule["level"] for rule in strict["open_nsfw+nsfwjs"]] == levels


@pytest.mark.parametrize(
    "words", ["", "--benign --labels labels.csv", "--labels nowhere.csv", "--benign --classifier nudenet"]
)
def test_an_evaluation_that_cannot_be_is_refused(shell: Shell, words: str) -> None:
    assert shell(f"safety eval --dir . {words}").code == 2
