"""Safe mode in `multiedit edit` and `multiedit compose`."""

from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.pipelines.common import errors
from multiedit.pipelines.safety.classifiers import loader
from multiedit.tests.support.classifiers import StandIn, fixed
from multiedit.tests.support.shell import Shell, write_document

COMMANDS = {"edit": "edit --image red.png --prompt p --keep-size ", "compose": "compose doc.json "}


def _flagging() -> StandIn:
    return fixed(1.0, "flagging")


def _no_classifier() -> StandIn:
    raise errors.ClassifierMissing("The classifier is missing.")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flagged_result_is_blurred_and_reported(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    write_document()
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _flagging())
    shown = shell(COMMANDS[command] + "-o out.png --json").json
    assert (shown["safety"]["blurred"], shown["safety"]["label"]) == (True, "nsfw")
    ran = shell(COMMANDS[command] + "-o out.png")
    assert "safe mode: blurred, nsfw 1.0000, threshold 0.5, classifier flagging" in ran.err
    assert "left out of the file: multiedit." in ran.err
    assert ran.code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_classifier_nothing_is_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    write_document()
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _no_classifier())
    assert shell(COMMANDS[command] + "-o out.png").code == 6
    assert not Path("out.png").exists()
    assert shell(COMMANDS[command] + "-o out.png --no-safe-mode").code == 0


def test_a_missing_classifier_is_reported_before_a_document_is_read(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _no_classifier())
    assert shell("compose missing.json -o out.png").code == 6


def test_inputs_are_checked_before_the_edit_with_the_option(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _flagging())
    ran = shell(COMMANDS["edit"] + "--check-inputs -o out.png")
    assert (ran.code, Path("out.png").exists()) == (6, False)
    assert "Safe mode refuses image 1: it was classified as adult" in ran.err


def test_inputs_of_a_document_are_checked_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    write_document()
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setenv("MULTIEDIT_SAFETY_INPUTS", "true")
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _flagging())
    ran = shell(COMMANDS["compose"] + "-o out.png")
    assert (ran.code, Path("out.png").exists()) == (6, False)
    assert "Safe mode refuses layers.1.image: it was classified as adult" in ran.err
