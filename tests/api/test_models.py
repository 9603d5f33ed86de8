"""The list of models: the hosted API's entries, and what is true here."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from multiedit.pipelines.catalog.lookup import load_catalog

# Two entries of the hosted list of 2026-08-20 as they stand there.
HOSTED = json.loads((Path(__file__).parent / "hosted_models.json").read_text())["models"]


def listed(client: httpx.Client, query: str = "?type=inpaint") -> list[dict]:
    return client.get(f"/models{query}").json()["data"]


def test_every_model_of_the_catalogue_is_there(client: httpx.Client) -> None:
    assert [entry["id"] for entry in listed(client)] == [model.id for model in load_catalog()]
    assert listed(client, "?type=all") == listed(client)


@pytest.mark.parametrize("hosted", HOSTED, ids=[entry["id"] for entry in HOSTED])
def test_an_entry_is_the_hosted_one(client: httpx.Client, hosted: dict) -> None:
    [own] = [entry for entry in listed(client) if entry["id"] == hosted["id"]]
    spec, hosted_spec = own["model_spec"], hosted["model_spec"]
    assert {name: own[name] for name in ("id", "type", "created")} == {
        name: hosted[name] for name in ("id", "type", "created")
    }
    for name in ("name", "privacy", "traits"):
        assert spec[name] == hosted_spec[name]
    # A request takes three pictures here, whatever the model takes.
    assert spec["constraints"] == {**hosted_spec["constraints"], "maxInputImages": 3}
    assert _rounded(spec["pricing"]) == _rounded(hosted_spec["pricing"])


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def test_what_cannot_run_here_is_offline(client: httpx.Client) -> None:
    offline = {entry["id"]: entry["model_spec"]["offline"] for entry in listed(client)}
    assert [model for model, off in offline.items() if not off] == ["layer-composite"]


@pytest.mark.parametrize("query", ["", "?type=text", "?type=video"])
def test_other_types_have_none(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/models{query}").json()
    assert (answer["object"], answer["type"], answer["data"]) == ("list", query[6:] or "text", [])


def test_a_type_that_there_is_not(client: httpx.Client) -> None:
    response = client.get("/models?type=pictures")
    assert response.status_code == 400
    assert "inpaint" in response.json()["issues"][0]["message"]
