"""`multiedit models` and `multiedit resolve`."""

from __future__ import annotations

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.tests.support.shell import Shell


def test_resolve_prints_the_size(shell: Shell) -> None:
    ran = shell("resolve --aspect-ratio 16:9")
    assert (ran.code, ran.out) == (0, b"1376x774\n")
    assert "resolution is not given" in ran.err
    ran = shell("resolve --image-size 4001x3000 --keep-size --json")
    assert (ran.json["width"], ran.json["height"], ran.json["tier"]) == (4001, 3000, "4K")
    assert ran.err == ""


def test_models_are_listed(shell: Shell) -> None:
    head, *rows = shell("models").out.decode().splitlines()
    assert [row.split()[0] for row in rows] == [model.id for model in load_catalog()]
    column = slice(head.index("runs here"), head.index("price"))
    assert {row.split()[0] for row in rows if row[column].strip() == "yes"} == {"layer-composite"}
    assert {row[column].strip() for row in rows} == {"yes", "-"}


def test_closed_models_are_listed_with_their_price(shell: Shell) -> None:
    head, *rows = shell("models").out.decode().splitlines()
    column = slice(head.index("price"), head.index("ratios"))
    prices = {row.split()[0]: row[column].strip() for row in rows}
    assert (prices["seedream-v4-edit"], prices["grok-imagine-quality-edit"]) == ("$0.05", "$0.07")
    assert {prices[model.id] for model in load_catalog() if model.weights != "closed"} == {"-"}
    assert max(map(len, (head, *rows))) < 120


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("models --dry-run", "--dry-run is for `multiedit models download` only."),
        ("models check --dry-run --models .", "--dry-run is for `multiedit models download` only."),
        ("models --models .", "--models is for `multiedit models download or models check` only."),
        (
            "models download qwen-edit --comfyui http://127.0.0.1:9",
            "--comfyui is for `multiedit models check`",
        ),
    ],
)
def test_an_option_of_another_command_is_refused(shell: Shell, line: str, words: str) -> None:
    ran = shell(line)
    assert (ran.code, words in ran.err) == (2, True), ran.err


def test_models_are_listed_as_json(shell: Shell) -> None:
    listed = shell("models --json").json
    assert [model["id"] for model in listed if model["runs_here"]] == ["layer-composite"]
    one = [model for model in listed if model["id"] == "gpt-image-2-edit"]
    assert shell("models gpt-image-2-edit --json").json == one
    assert shell("models gpt-image-2-edit").json == one
