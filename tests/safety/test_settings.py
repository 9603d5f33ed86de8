from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.safety import settings as module
from multiedit.pipelines.safety.classifiers.specs import EMBEDDED
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.settings import SafetySettings


def from_environment(**variables):
    return SafetySettings.from_environment(
        {f"MULTIEDIT_SAFETY_{name.upper()}": value for name, value in variables.items()}
    )


def test_without_a_word_the_embedded_classifiers_judge():
    settings = from_environment()
    assert (settings.classifiers, settings.policy, settings.store.allowed) == (EMBEDDED, Policy(), ())
    assert settings == from_environment(preset="", classifiers=" ")


def test_everything_can_be_said(tmp_path):
    settings = from_environment(
        classifiers="light, Recommended",
        preset="strict",
        on_missing="blur_all",
        tiles="true",
        inputs="True",
        folder=str(tmp_path),
        allowed="AB,cd",
    )
    assert settings.classifiers == ("light", "recommended")
    assert settings.policy == Policy(preset="strict", on_missing="blur_all", tiles=True, inputs=True)
    assert (settings.store.folders, settings.store.allowed) == ((tmp_path,), ("ab", "cd"))


@pytest.mark.parametrize(("value", "always"), [("always", True), ("Optional", False), ("", False)])
def test_safe_mode_may_be_required(value: str, always: bool) -> None:
    settings = SafetySettings.from_environment({"MULTIEDIT_SAFE_MODE": value})
    assert settings.policy.always is always


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"classifiers": "nudenet"}, "open_nsfw, nsfwjs, light, recommended"),
        ({"classifiers": "light,light"}, "each once"),
        ({"classifiers": ","}, "none"),
        ({"preset": "lax"}, "strict, default, loose"),
        ({"on_missing": "pass"}, "error, blur_all"),
        ({"tiles": "yes"}, "MULTIEDIT_SAFETY_TILES"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(variables, words):
    with pytest.raises(InvalidRequest, match=words):
        from_environment(**variables)


def test_the_folder_is_the_comfyuis_that_the_package_lies_in(tmp_path, monkeypatch):
    inside = tmp_path / "ComfyUI" / "custom_nodes" / "multi-edit" / "pipelines" / "safety" / "settings.py"
    monkeypatch.setattr(module, "__file__", str(inside))
    environment = {"XDG_DATA_HOME": "/data"}
    outside = Path("/data/multi-edit/classifiers")
    assert SafetySettings.from_environment(environment).store.folders == (outside,)
    (tmp_path / "ComfyUI" / "models").mkdir(parents=True)
    models = tmp_path / "ComfyUI" / "models" / "classifiers"
    assert SafetySettings.from_environment(environment).store.folders == (models,)
