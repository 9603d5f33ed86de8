"""Open models in the place of closed ones, as the user configured it."""

from __future__ import annotations

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import alias_notes
from multiedit.pipelines.catalog.aliases import alias_resolver
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits

CATALOG = load_catalog()


@pytest.mark.parametrize(
    ("configured", "model", "alias"),
    [
        ("", "flux-2-max-edit", None),
        ("flux-2-max-edit=flux-2-dev-edit", "flux-2-max-edit", "flux-2-dev-edit"),
        ("flux-2-max-edit=flux-2-dev-edit", "nano-banana-2-edit", None),
        ("flux-2-max-edit=flux-2-dev-edit", "flux-2-dev-edit", None),
        (" Flux-2-Max-Edit = FLUX-2-dev-edit ,", "flux-2-max-edit", "flux-2-dev-edit"),
        (
            "flux-2-max-edit=flux-2-dev-edit,qwen-image-2-edit=qwen-image-2.1-edit",
            "qwen-image-2-edit",
            "qwen-image-2.1-edit",
        ),
    ],
)
def test_only_what_is_configured_is_an_alias(configured: str, model: str, alias: str | None) -> None:
    limits = Limits.from_environment({"MULTIEDIT_MODEL_ALIASES": configured})
    assert alias_resolver(limits, CATALOG)(model) == (alias or model)


def test_nothing_stands_in_by_itself() -> None:
    runs = alias_resolver(Limits.from_environment({}), CATALOG)
    assert all(runs(model.id) == model.id for model in CATALOG)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("flux-2-max-edit", "Unknown model ''"),
        ("flux-2-maxi=flux-2-dev-edit", "nearest known one is 'flux-2-max-edit'"),
        ("flux-2-max-edit=flux-2-devel", "nearest known one is 'flux-2-dev-edit'"),
        ("qwen-edit=qwen-edit-2509", "qwen-edit is not closed"),
        ("layer-composite=qwen-edit", "layer-composite is not closed"),
        ("flux-2-max-edit=nano-banana-2-edit", "nano-banana-2-edit has no open weights"),
        ("flux-2-max-edit=layer-composite", "layer-composite has no open weights"),
        ("flux-2-max-edit=qwen-edit,flux-2-max-edit=flux-2-dev-edit", "has an alias already, qwen-edit"),
        ("dall-e-2=qwen-edit,dall-e-2=flux-2-dev-edit", "has an alias already, qwen-edit"),
        ("gpt-image-1=no-model", "Unknown model 'no-model'"),
    ],
)
def test_a_wrong_entry_is_refused_whatever_is_asked_for(entry: str, problem: str) -> None:
    limits = Limits.from_environment({"MULTIEDIT_MODEL_ALIASES": entry})
    with pytest.raises(InvalidRequest, match=problem) as caught:
        alias_resolver(limits, CATALOG)
    assert caught.value.message.startswith("MULTIEDIT_MODEL_ALIASES has '")


def test_a_plan_says_what_runs_in_the_place_of_another() -> None:
    profile = load_profiles().of_model("flux-2-dev-edit")[0]
    assert alias_notes("flux-2-dev-edit", profile) == ()
    (told,) = alias_notes("flux-2-max-edit", profile)
    assert profile.name in told
    assert "MULTIEDIT_MODEL_ALIASES" in told
