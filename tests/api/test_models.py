"""The list of models: the contract's entries, and what is available here."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from multiedit.pipelines.catalog.lookup import load_catalog

# Two entries of the contract's list of 2026-08-20, unchanged.
CONTRACT = json.loads((Path(__file__).parent / "contract_models.json").read_text())["models"]


def listed(client: httpx.Client, query: str = "?type=inpaint") -> list[dict]:
    return client.get(f"/models{query}").json()["data"]


def test_every_model_of_the_catalogue_is_there(client: httpx.Client) -> None:
    assert [entry["id"] for entry in listed(client)] == [model.id for model in load_catalog()]
    assert listed(client, "?type=all") == listed(client)


@pytest.mark.parametrize("contract", CONTRACT, ids=[entry["id"] for entry in CONTRACT])
def test_an_entry_is_the_contracts(client: httpx.Client, contract: dict) -> None:
    [own] = [entry for entry in listed(client) if entry["id"] == contract["id"]]
    spec, contract_spec = own["model_spec"], contract["model_spec"]
    assert {name: own[name] for name in ("id", "type", "created")} == {
        name: contract[name] for name in ("id", "type", "created")
    }
    for name in ("name", "privacy", "traits"):
        assert spec[name] == contract_spec[name]
    # A request takes three images here, whatever the model takes.
    assert spec["constraints"] == {**contract_spec["constraints"], "maxInputImages": 3}
    assert _rounded(spec["pricing"]) == _rounded(contract_spec["pricing"])


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def test_what_cannot_run_here_is_offline(client: httpx.Client) -> None:
    offline = {entry["id"]: entry["model_spec"]["offline"] for entry in listed(client)}
    assert [model for model, off in offline.items() if not off] == ["layer-composite"]


@pytest.mark.parametrize("query", ["", "?type=text", "?type=video"])
def test_other_types_have_none(client: httpx.Client, query: str) -> None:
    payload = client.get(f"/models{query}").json()
    assert (payload["object"], payload["type"], payload["data"]) == ("list", query[6:] or "text", [])


def test_an_unknown_type_is_an_error(client: httpx.Client) -> None:
    response = client.get("/models?type=pictures")
    assert response.status_code == 400
    assert "inpaint" in response.json()["issues"][0]["message"]
