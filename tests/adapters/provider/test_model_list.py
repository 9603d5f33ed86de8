"""The endpoint's list of models: real entries are understood, a wrong one changes nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from multiedit.api.routes.models import list_models
from multiedit.cli.main import main
from multiedit.pipelines.adapters.provider import model_list
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import ProviderError
from multiedit.pipelines.common.settings import Limits
from multiedit.tests.support.provider_peer import HostedPeer, replying

CATALOG = load_catalog()
STORED = json.loads((Path(__file__).parents[2] / "api" / "contract_models.json").read_text())
OURS: list[Any] = list(list_models("inpaint", CATALOG, (), Limits(max_images=50))["data"])


def entry(model_id: str = "nano-banana-2-edit") -> dict[str, Any]:
    return copy.deepcopy(next(each for each in OURS if each["id"] == model_id))


def body(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"object": "list", "type": "inpaint", "data": entries}).encode()


@pytest.mark.parametrize("entries", [STORED["models"], OURS], ids=["hosted", "ours"])
def test_the_list_that_the_catalogue_was_made_of_changes_nothing(entries: Any) -> None:
    merged = model_list.merged(CATALOG, model_list.read_list(body(*entries)))
    told = list(model_list.changes(CATALOG, merged, entries))
    assert [line for line in told if not line.endswith(": not in the list")] == []


def test_a_change_is_told_and_taken() -> None:
    changed = entry()
    changed["model_spec"]["pricing"]["resolutions"]["2K"]["usd"] = 0.2
    changed["model_spec"]["constraints"]["aspectRatios"].append("4:3")
    new = {**entry(), "id": "nano-banana-9-edit"}
    merged = model_list.merged(CATALOG, [changed, new])
    told = list(model_list.changes(CATALOG, merged, [changed, new]))
    assert any(line.startswith("nano-banana-2-edit: price was") for line in told)
    assert any("ratios was" in line and line.endswith("4:3") for line in told)
    assert "nano-banana-9-edit: new" in told
    assert "flux-2-max-edit: not in the list" in told
    assert merged.get("nano-banana-2-edit").price.estimate("2K", None, 1) == 0.2
    assert merged.get("nano-banana-9-edit").weights == "closed"
    assert merged.get("nano-banana-2-edit").sizes == CATALOG.get("nano-banana-2-edit").sizes


def test_what_runs_here_is_not_the_endpoints_business() -> None:
    for model_id in ("layer-composite", "qwen-edit"):
        merged = model_list.merged(CATALOG, [{**entry(), "id": model_id}])
        assert merged.get(model_id) == CATALOG.get(model_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model_spec": {}},
        {"id": 7},
        {"id": "x" * 100},
        {"id": "new\n"},
        ("aspectRatios", ["wide"]),
        ("aspectRatios", None),
        ("promptCharacterLimit", 0),
        ("maxInputImages", -1),
        ("maxInputImages", float("inf")),
        ("resolutions", ["1K"]),
        ("defaultResolution", "8K"),
        ("qualities", ["low"]),
    ],
)
def test_an_entry_that_is_not_one_is_refused(wrong: Any) -> None:
    changed = {**entry(), "id": "new-edit"}
    if isinstance(wrong, dict):
        changed |= wrong
    else:
        changed["model_spec"]["constraints"][wrong[0]] = wrong[1]
    with pytest.raises(ProviderError, match="the list is not taken"):
        model_list.merged(CATALOG, [changed])


@pytest.mark.parametrize(
    "price", [{}, {"inpaint": {"usd": -1}}, {"inpaint": {"usd": "free"}}, {"inpaint": {"usd": float("nan")}}]
)
def test_a_price_that_is_not_one_is_refused(price: Any) -> None:
    changed = entry()
    changed["model_spec"]["pricing"] = price
    with pytest.raises(ProviderError, match="the list is not taken"):
        model_list.merged(CATALOG, [changed])


@pytest.mark.parametrize("text", [b"", b"[]", b"<html>", b'{"data": 1}', b'{"data": []}', b"[" * 100_000])
def test_a_body_that_is_no_list_is_refused(text: bytes) -> None:
    with pytest.raises(ProviderError):
        model_list.read_list(text)


def test_a_damaged_cache_is_the_packaged_list(tmp_path: Path) -> None:
    assert list(model_list.with_saved_list(tmp_path, CATALOG)) == list(CATALOG)
    (tmp_path / model_list.FILE).write_bytes(b"{")
    assert list(model_list.with_saved_list(tmp_path, CATALOG)) == list(CATALOG)


def test_the_command_refreshes_shows_and_keeps(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = entry("flux-2-max-edit")
    changed["model_spec"]["pricing"]["inpaint"]["usd"] = 0.5
    with HostedPeer(replying(json.loads(body(changed)))) as peer:
        for name, value in {**folders, **peer.environment}.items():
            monkeypatch.setenv(name, value)
        assert main(["models", "--refresh", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert peer.asked[0].path == "/api/v1/models?type=inpaint"
    assert told["models"] == 1
    assert any(line.startswith("flux-2-max-edit: price was") for line in told["changes"])
    assert main(["models", "flux-2-max-edit"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["price"]["base"] == 0.5
    for name in peer.environment:
        monkeypatch.delenv(name)
    assert main(["models", "flux-2-max-edit"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["price"]["base"] == 0.12
    assert main(["models", "--refresh"]) == 2
    assert "No provider is configured. Set MULTIEDIT_PROVIDER_URL" in capsys.readouterr().err


def test_a_price_that_falls_to_nothing_is_kept_only_when_it_is_accepted(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = entry("flux-2-max-edit")
    changed["model_spec"]["pricing"]["inpaint"]["usd"] = 0
    with HostedPeer(replying(json.loads(body(changed)))) as peer:
        for name, value in {**folders, **peer.environment}.items():
            monkeypatch.setenv(name, value)
        assert main(["models", "--refresh"]) == 2
        assert "the price 0 for flux-2-max-edit" in capsys.readouterr().err
        assert main(["models", "flux-2-max-edit"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["price"]["base"] == 0.12
        assert main(["models", "--refresh", "--accept"]) == 0
        assert main(["models", "flux-2-max-edit"]) == 0
        assert '"base": 0' in capsys.readouterr().out
