"""The translations: complete, not stale, and true to the schemas.

The frontend looks texts up by node, input and output. An input inside another has its parent's name before
its own ("model_resolution").
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "zh", "ja", "ru", "fr", "it")
TRANSLATED = LANGUAGES[1:]

# Texts that are the same in English.
SAME = {
    "fr": {
        "auto", "exclusion", "format", "image", "images", "normal", "notes", "plan", "prompt", "rotation",
        "saturation", "score", "strict", "transparent",
    },
    "it": {"auto", "prompt", "video"},
}  # fmt: skip

# What a translation must carry over as it is: placeholders and numbers.
CARRIED = re.compile(r"%[^% ]+%|\d+(?:\.\d+)?")


def locale(language: str) -> dict[str, Any]:
    text = (ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8")
    return json.loads(text)


def texts(tree: dict[str, Any], path: str = "") -> dict[str, str]:
    """Every text by its path, in order."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        found |= texts(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
    return found


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    pytest.importorskip("comfy_api.latest")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ComfyUI's own imports
        from multiedit.nodes.registry import NODE_CLASS_MAPPINGS
    return {name: node.define_schema() for name, node in NODE_CLASS_MAPPINGS.items()}


def described(schema: Any) -> dict[str, Any]:
    """The texts of a schema in the shape of a locale file."""
    inputs: dict[str, Any] = {}
    for key, entry in inputs_of(schema.inputs):
        before = inputs.setdefault(key, entry)
        if entry.get("options"):
            before["options"] |= entry["options"]
        assert {**entry, "options": 0} == {**before, "options": 0}, f"{key} has two meanings"
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": inputs,
        "outputs": {
            str(index): {"name": output.display_name, "tooltip": output.tooltip}
            for index, output in enumerate(schema.outputs)
        },
    }


def inputs_of(inputs: list[Any], parent: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    from comfy_api.latest import io

    for given in inputs:
        key = parent + given.id
        entry = {"name": given.display_name or given.id, "tooltip": given.tooltip}
        words = {word: word for word in options_of(given)}
        yield key, entry | ({"options": words} if words else {})
        if isinstance(given, io.DynamicCombo.Input):
            for option in given.options:
                yield from inputs_of(option.inputs, f"{key}_")


def options_of(given: Any) -> list[str]:
    """The options that are words: not files, numbers, nor names of models, profiles, samplers and formats."""
    from comfy_api.latest import io
    from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles

    names = {"png", "jpeg", "webp", "url", *(profile.id for profile in load_all_profiles())}
    options: list[str] = []
    if isinstance(given, io.DynamicCombo.Input):
        options = [option.key for option in given.options]
    elif isinstance(given, io.Combo.Input) and given.image_folder is None:
        options = list(given.options)
    if given.id in ("sampler", "scheduler"):
        options = options[:1]  # then come ComfyUI's names
    named = given.id == "model"
    return [
        option
        for option in options
        if not named and option not in names and re.fullmatch(r"[a-z][a-z _-]*", option)
    ]


@pytest.mark.comfyui
def test_english_is_the_schemas_own_text_in_their_order(schemas: dict[str, Any]) -> None:
    own = {name: described(schema) for name, schema in schemas.items()}
    assert list(texts(locale("en")).items()) == list(texts(own).items())


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_language_has_what_english_has(language: str) -> None:
    assert list(texts(locale(language))) == list(texts(locale("en")))


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_in_english(language: str) -> None:
    english, own = texts(locale("en")), texts(locale(language))
    assert {text for path, text in own.items() if text == english[path]} == SAME.get(language, set())


@pytest.mark.parametrize("language", TRANSLATED)
def test_numbers_and_placeholders_are_carried_over(language: str) -> None:
    english, own = texts(locale("en")), texts(locale(language))
    for path, text in own.items():
        assert sorted(CARRIED.findall(text)) == sorted(CARRIED.findall(english[path])), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_said_and_mean_nothing_to_the_message_compiler(language: str) -> None:
    for path, text in texts(locale(language)).items():
        assert text.strip() == text != "", path
        assert not set(text) & set("{}@|"), f"{path}: vue-i18n reads these as its own syntax"


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_are_readable(language: str) -> None:
    path = ROOT / "locales" / language / "nodeDefs.json"
    assert (
        path.read_text(encoding="utf-8") == json.dumps(locale(language), ensure_ascii=False, indent=2) + "\n"
    )
    # main.json has the texts of the stage; tests/web looks at them.
    assert sorted(file.name for file in path.parent.iterdir()) == ["main.json", "nodeDefs.json"]


def test_there_are_no_other_languages() -> None:
    assert sorted(path.name for path in (ROOT / "locales").iterdir()) == sorted(LANGUAGES)
