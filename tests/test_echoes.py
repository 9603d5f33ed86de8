"""No message repeats more than 80 characters of what was given, wherever it was given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from multiedit.cli.main import build_parser, main
from multiedit.pipelines.catalog.aliases import alias_resolver
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common import settings
from multiedit.pipelines.common.errors import MultiEditError
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.layers.document import ITEM_KEYS, PLACEMENT_KEYS, parse_document
from multiedit.pipelines.layers.document_file import DOCUMENT_KEYS, read_document
from multiedit.pipelines.layers.placement import PLACEMENT_READERS
from multiedit.pipelines.planning.request import extras_readers, parse_request, request_readers
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.pipelines.sources.local import local_source
from multiedit.pipelines.sources.text import decode_text, is_url
from multiedit.pipelines.sources.urls import first_target
from multiedit.tests.support.echoes import LONG, LONG_TEXTS, echoes

LIMITS = Limits()
every_text = pytest.mark.parametrize("sent", LONG_TEXTS.values(), ids=LONG_TEXTS.keys())


def message(call: Callable[[], object]) -> str:
    """What a call that is refused says; "" where it is not."""
    try:
        call()
    except MultiEditError as error:
        return f"{error.message} {error.field}"
    return ""


def spread(sent: str) -> tuple[object, ...]:
    """A text as the value of a field: itself, in a list, and as a key."""
    return sent, [sent], {sent: sent}, {"2": sent}, {"2": {sent: 1}}


def requests(sent: str) -> Iterator[Mapping[str, Any]]:
    least = {"prompt": "p", "images": ["aGk=", "aGk="]}
    yield {**least, sent: 1}
    for value in spread(sent):
        yield from ({**least, name: value} for name in request_readers(LIMITS))
        yield from ({**least, "multiedit": {name: value}} for name in extras_readers(2))
        yield from ({**least, "multiedit": {"placement": {"2": {name: value}}}} for name in PLACEMENT_READERS)


@every_text
def test_of_a_request(sent: str) -> None:
    said = [message(lambda request=request: parse_request(request, LIMITS)) for request in requests(sent)]
    assert [each for each in said if echoes(each, sent)] == []
    assert len(set(said)) > 20


def documents(sent: str, image: object) -> Iterator[Mapping[str, Any]]:
    for value in spread(sent):
        yield from ({"layers": [{"image": image}], key: value} for key in (*DOCUMENT_KEYS, sent))
        yield from ({"layers": [{"image": image, key: value}]} for key in (*ITEM_KEYS, sent))
        for key in (*PLACEMENT_KEYS, sent):
            yield {"layers": [{"image": image, "placement": {key: value}}]}
    batches = [{"image": torch.zeros(frames, 4, 4, 3), "name": sent} for frames in (2, 3)]
    yield {"layers": batches}


@every_text
def test_of_a_document_in_memory(sent: str) -> None:
    image = torch.zeros(1, 4, 4, 3)
    said = [
        message(lambda document=document: parse_document(document, LIMITS))
        for document in documents(sent, image)
    ]
    assert [each for each in said if echoes(each, sent)] == []
    assert len(set(said)) > 15


@every_text
def test_of_a_document_in_a_file(tmp_path: Path, sent: str) -> None:
    path = tmp_path / "document.json"
    said = []
    for document in list(documents(sent, "none.png"))[:-1]:
        path.write_text(json.dumps(document))
        said.append(message(lambda: read_document(path, LIMITS)))
    said.append(message(lambda: read_document(Path(sent.replace("\0", "")), LIMITS)))
    assert [each for each in said if echoes(each, sent)] == []


@every_text
def test_of_a_source(sent: str) -> None:
    said = [
        message(lambda: decode_text(sent, LIMITS, "image 1")),
        message(lambda: local_source(sent, "image 1")),
        message(lambda: first_target(sent, "image 1")) if is_url(sent) else "",
    ]
    assert [each for each in said if echoes(each, sent)] == []


SETTINGS = [
    kind for kind in vars(settings).values() if isinstance(kind, type) and hasattr(kind, "from_environment")
]


@every_text
def test_of_the_environment(sent: str) -> None:
    said = [
        message(
            lambda kind=kind, field=field: kind.from_environment({f"MULTIEDIT_{field.name.upper()}": sent})
        )
        for kind in SETTINGS
        if kind.__dict__.get("__dataclass_fields__")
        for field in fields(kind)
    ]
    said += [
        message(lambda name=name: SafetySettings.from_environment({f"MULTIEDIT_SAFETY_{name}": sent}))
        for name in ("PRESET", "THRESHOLD", "TILES", "ON_MISSING", "INPUTS", "CLASSIFIERS")
    ]
    said.append(
        message(lambda: alias_resolver(Limits(model_aliases=(sent, f"{sent}={sent}")), load_catalog()))
    )
    assert [each for each in said if echoes(each, sent)] == []
    assert len(set(said)) > 10


def commands() -> Iterator[list[str]]:
    """Every option of every command, with LONG for its value."""
    needed = {
        "edit": ["--image", "none.png", "--prompt", "p", "-o", "out.png"],
        "compose": ["none.json", "-o", "out.png"],
        "eval": ["--dir", "none", "--benign"],
        "check": ["none.png"],
    }
    parsers = [([], build_parser())]
    while parsers:
        words, parser = parsers.pop()
        for action in parser._actions:  # argparse has no public list of its options
            if isinstance(action.choices, dict):
                parsers += [([*words, name], each) for name, each in action.choices.items()]
            elif action.option_strings and words:
                option, rest = action.option_strings[-1], needed.get(words[-1], [])
                yield [*words, *rest, option, LONG]
                yield [*words, *rest, f"{option}={LONG}"]
        yield [*words, LONG]
        yield [*words, *needed.get(words[-1] if words else "", []), LONG, LONG]
        yield [*words, *needed.get(words[-1] if words else "", []), f"--{LONG}"]


@pytest.mark.parametrize("kind", ["plain", "quotes", "a path", "a placed value"])
def test_of_the_command_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sent, said = LONG_TEXTS[kind], []
    for words in commands():
        if words[0] == "serve" or "--help" in words:
            continue
        main([word.replace(LONG, sent) for word in words])
        said.append(capsys.readouterr().err)
    assert [each for each in said if echoes(each, sent)] == []
