"""One word for one thing: none of the replaced names is left where a user meets it.

A user meets the texts of nodes, help pages, workflows and documents, and the string literals of the package:
messages, fields, options, the help of the commands and the schema of the HTTP API. Docstrings and comments
are not searched, nor is CONTRIBUTING.md, whose glossary may say the old words.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("api", "cli", "nodes", "pipelines")
DOCUMENTS = [
    "README.md", "docs/**/*.md", "samples/*.md", "samples/*.sh", "web/docs/**/*.md",
    "scripts/workflow_notes/*.md", "locales/*/*.json", "workflows/**/*.json", "subgraphs/*.json",
    "pipelines/**/*.json",
]  # fmt: skip

# Names of fields, options, variables and commands: found as a whole value or between quotation marks alone.
NAMES = {
    "weight_type": "weight_dtype",
    "lora_strength": "strength_model",
    "seeds": "batch_size",
    "by the plan": "auto",
    "loaded model": "from loader",
    "full_memory": "on_out_of_memory",
    "work_megapixels": "sampling_megapixels",
    "pictures": "images",
    "told": "messages",
    "stand_ins": "model_aliases",
    "verdict": "decision",
    "verdicts": "decisions",
    "badness": "severity",
    "endings": "results",
    "missed": "false_negatives",
    "false_alarms": "false_positives",
    "hosted": "multi_edit (the route), provider (the service)",
}

_THINGS = (
    "JSON|field|model|number|integer|list|object|text|string|file|image|address|URL|safetensors|PNG|JPEG|layer|key|"
    "base64|tensor|boolean|colour|document"
)
# Words and phrases, found anywhere; case counts only where a pattern says so.
PHRASES = {
    r'"batch": "(pictures|clip)"|`batch`.*`(pictures|clip)`': "images, video",
    r"MULTIEDIT_STAND_INS|\bstand-ins?\b": "MULTIEDIT_MODEL_ALIASES, model alias",
    r"MULTIEDIT_HOSTED|\bhosted (provider|endpoint|model|service)": "MULTIEDIT_PROVIDER, the provider",
    r"(?<![\w-])--address\b": "--url",
    r"\bsafety fetch\b": "safety download",
    r"\b(shell|every|each|either|both|three|other) faces?\b": "entry point",
    r"\bverdicts?\b": "decision",
    r"\bbadness\b": "severity",
    r"\bobscur(e|ed|es|ing)\b": "blur",
    r"\bsharp (one|ones|picture|pictures|image|images|frame|frames|result|original)\b": "unblurred",
    r"\bfalse alarms?\b": "false positives",
    rf"(?<!here )\b(is|are) no ({_THINGS})s?\b": "is not a valid X, Unknown X",
    r"\bThere is no output; add\b": "No output file; pass -o FILE",
    r"\bNobody can be asked\b": "Not a terminal; pass --yes",
    r"^Nothing was done\.?$": "Aborted.",
    r"\bis gone\.": "Removed X.",
    r"\bSend it again, faster\b": "Upload too slow: no data for 20 s.",
    r"\bbody has been cut\b": "Request body truncated",
    r"\bThere is nothing (at|to)\b": "Not found: /x. See /v1/docs., Nothing to ...",
    r"\bmemory is full\b": "Out of memory",
    r"\bsay which size\b": "show the output size of a model",
    r"\banswer the HTTP API\b": "start the HTTP server",
    r"\btake a key away\b": "revoke a key",
}

# Names of classes and functions.
DEFINITIONS = {
    "EmbeddedAdapter": "Adapter",
    "Made": "EditOutput", "Finished": "EncodedImage",
    "Tell": "OnStatus", "heed": "on_event", "hear": "parse_event", "Heard": "JobEvent",
    "Room": "FairSemaphore", "Turns": "ReadThrottle", "Remembered": "LRUCache",
    "meant": "select_item", "Asked": "EditSettings", "Seen": "ServerStatus", "Chosen": "Selection",
    "look_at": "probe", "Hosting": "ProviderRegistry", "find_hosting": "load_provider",
    "stand_ins": "model aliases", "Editor": "EditPipeline", "carry_out": "run", "obscure": "blur",
    "Either": "EnsembleClassifier", "KnownClassifier": "ClassifierSpec", "Place": "DevicePlacement",
    "Late": "Deferred", "let_go": "drop_traceback",
    "HostedLost": "ProviderResponseLost", "HostedDenied": "ProviderAuthError",
    "HostedRefused": "ProviderContentRefused", "HostedBusy": "ProviderUnavailable",
    "_said": "what it returns", "_spoken": "what it returns", "_handy": "what it returns",
}  # fmt: skip


class Text(NamedTuple):
    """A line of a document, or a string literal of the package."""

    place: str
    text: str
    literal: bool


@functools.cache
def visible() -> list[Text]:
    return [*_lines(), *_literals()]


def _lines() -> Iterator[Text]:
    for path in sorted({path for pattern in DOCUMENTS for path in ROOT.glob(pattern)}):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            yield Text(f"{path.relative_to(ROOT)}:{number}", line, literal=False)


def _literals() -> Iterator[Text]:
    for path, tree in _trees():
        docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield Text(f"{path.relative_to(ROOT)}:{node.lineno}", node.value, literal=True)


@functools.cache
def _trees() -> list[tuple[Path, ast.Module]]:
    paths = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    return [(path, ast.parse(path.read_text("utf-8"))) for path in paths]


@pytest.mark.parametrize("name", NAMES)
def test_no_field_or_option_has_its_old_name(name: str) -> None:
    whole, quoted = re.compile(rf"([\w.]+\.)?{name}"), re.compile(rf"([\"`])([\w.]+\.)?{name}\1")
    found = [
        each.place
        for each in visible()
        if (whole.fullmatch(each.text) if each.literal else quoted.search(each.text))
    ]
    assert found == [], f"{name} is now {NAMES[name]}"


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_text_says_the_old_words(phrase: str) -> None:
    pattern = re.compile(phrase)
    found = [f"{each.place}: {each.text[:80]}" for each in visible() if pattern.search(each.text)]
    assert found == [], f"say: {PHRASES[phrase]}"


def test_nothing_is_defined_by_its_old_name() -> None:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = {
        f"{path.relative_to(ROOT)}: {node.name}": DEFINITIONS[node.name]
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, kinds) and node.name in DEFINITIONS
    }
    assert found == {}
