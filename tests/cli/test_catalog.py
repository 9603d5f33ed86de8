"""`multiedit models` and `multiedit resolve`."""

from __future__ import annotations

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
    column = slice(head.index("runs here"), head.index("ratios"))
    assert {row.split()[0] for row in rows if row[column].strip() == "yes"} == {"layer-composite"}
    assert {row[column].strip() for row in rows} == {"yes", "-"}


def test_models_are_listed_as_json(shell: Shell) -> None:
    listed = shell("models --json").json
    assert [model["id"] for model in listed if model["runs_here"]] == ["layer-composite"]
    one = [model for model in listed if model["id"] == "gpt-image-2-edit"]
    assert shell("models gpt-image-2-edit --json").json == one
    assert shell("models gpt-image-2-edit").json == one
