"""What the commands of `multiedit safety` do: score a picture, and keep the classifiers' weights."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest, WeightsMismatch
from .arguments import image_source
from .output import safety_text, say, tell, tell_json

if TYPE_CHECKING:
    from ..pipelines.safety.classifiers.specs import ClassifierSpec
    from ..pipelines.safety.classifiers.store import ResponseBody, Store
    from ..pipelines.safety.settings import SafetySettings

_SECONDS = 30.0  # without a byte
_EVALUATION = "{:<13}{:<7}{:<9}{:>10}{:>13}  {:<20} {:<20} {:<20} {:<20} {}"
_EVALUATION_HEAD = _EVALUATION.format(
    "classifier", "views", "preset", "missed", "false alarms",
    "precision", "recall", "F1", "false positive rate", "ROC-AUC",
)  # fmt: skip


def safety_settings(options: argparse.Namespace) -> SafetySettings:
    """The environment's, with what the options of `edit`, `compose` and `safety check` say instead."""
    from ..pipelines.safety.settings import SafetySettings

    settings = SafetySettings.from_environment()
    names = ("preset", "threshold", "tiles", "inputs")
    given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    classifiers = tuple(options.classifier) if options.classifier else settings.classifiers
    return replace(settings, classifiers=classifiers, policy=replace(settings.policy, **given))


def check(options: argparse.Namespace) -> None:
    import asyncio

    from ..pipelines.common.settings import Limits
    from ..pipelines.images.input_image import ImageFile
    from ..pipelines.safety.screening import check as check_pictures
    from .commands import source_loader

    limits, settings = Limits.from_environment(), safety_settings(options)
    data = asyncio.run(source_loader(limits).load(image_source(options.image, limits), "the image"))
    image = ImageFile(data, limits, "the image").image()
    report = check_pictures(image, settings.loader(), settings.policy)[0]
    if options.json:
        tell_json(report.to_dict())
        return
    tell(f"{report.label or report.status}: {safety_text(report)}")


def evaluate(options: argparse.Namespace) -> None:
    from ..pipelines.common.atomic_file import write_atomically
    from ..pipelines.common.settings import Limits
    from ..pipelines.safety import evaluation as evaluation
    from ..pipelines.safety.classifiers.loader import load_known

    settings, folder = safety_settings(options), Path(options.dir)
    if options.benign == bool(options.labels):
        raise InvalidRequest(
            "Give either --labels FILE, or --benign where every picture of the folder is safe."
        )
    labels = evaluation.all_safe(folder) if options.benign else evaluation.read_labels(Path(options.labels))
    if not labels:
        raise InvalidRequest(f"{folder} has no pictures.")
    answers: list[dict[str, Any]] = []
    kept: dict[str, dict[str, Any]] = {}
    unread: list[str] = []
    for name in settings.classifiers:
        classifier = load_known(name, settings.store)
        with _bar(len(labels), "", quiet=options.json) as bar:
            scored, unread = evaluation.score_pictures(
                folder, labels, classifier, Limits.from_environment(), bar.update
            )
        for each in scored:
            kept.setdefault(each.sha256, {"unsafe": each.unsafe})[name] = each.scores
        answers += evaluation.results(scored, classifier)
    if options.scores:
        write_atomically(options.scores, json.dumps(kept, indent=1).encode())
    if options.json:
        tell_json({"results": answers, "unread": len(unread)})
        return
    tell("\n".join([_EVALUATION_HEAD, *map(_evaluation_row, answers)]))
    say(f"{len(unread)} of {len(labels)} files are no pictures that can be read.")


def _evaluation_row(answer: dict[str, Any]) -> str:
    figures = ("precision", "recall", "f1", "false_positive_rate", "roc_auc")
    of = [f"{answer['missed']}/{answer['unsafe']}", f"{answer['false_alarms']}/{answer['safe']}"]
    names = [answer["classifier"], answer["views"], answer["preset"]]
    return _EVALUATION.format(*names, *of, *(_estimate(answer[figure]) for figure in figures))


def _estimate(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def show(options: argparse.Namespace) -> None:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    store = _store(options)
    about = [_about(known, store) for known in CLASSIFIERS.values()]
    if options.json:
        tell_json(about)
        return
    row = "{:<13}{:<33}{:<14}{:>9}  {:<12}{}".format
    lines = [row("name", "classifier", "licence", "MB", "weights", "file")]
    for each in about:
        size = f"{each['size'] / 1e6:.1f}"
        lines.append(row(each["name"], each["title"], each["licence"], size, each["weights"], each["file"]))
    tell("\n".join(lines))


def fetch(options: argparse.Namespace) -> None:
    store, known = _store(options), _known(options.name)
    if known.address is None:
        tell(f"{known.name} is part of multi-edit; there is nothing to fetch.")
        return
    if _is_right(store, known):
        tell(f"{known.name} is there already: {store.path(known)}")
        return
    address = options.address or known.address
    if not address.startswith(("https://", "http://")):
        raise InvalidRequest(f"--address is {address!a}; it must begin with https:// or http://.")
    say(f"{known.name}: {known.title}, licence {known.licence}, {known.size / 1e6:.1f} MB")
    say(f"  from {address}")
    say(f"  to {store.folders[0] / known.file}")
    _ask("Fetch it?", options)
    with _bar(known.size, "B", quiet=options.json) as bar:
        path = store.fetch(known, address, _open_address, bar.update)
    if options.json:
        tell_json({"name": known.name, "file": str(path), "sha256": known.sha256})
        return
    tell(f"{path}: {known.size} bytes, sha256 {known.sha256}")


def _is_right(store: Store, known: ClassifierSpec) -> bool:
    """A damaged file is told, and does not keep its successor out."""
    try:
        return store.state(known) == "present" and bool(store.verify(known))
    except WeightsMismatch as error:
        say(error.message)
        return False


def verify(options: argparse.Namespace) -> None:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    store = _store(options)
    chosen = [_known(options.name)] if options.name else list(CLASSIFIERS.values())
    present = [known for known in chosen if options.name or store.state(known) != "absent"]
    found = {known.name: store.verify(known) for known in present}
    if options.json:
        tell_json(found)
        return
    tell("\n".join(f"{name}: {sha256}" for name, sha256 in found.items()))


def remove(options: argparse.Namespace) -> None:
    store, known = _store(options), _known(options.name)
    path = store.path(known)
    if known.address is not None and path.is_file():
        _ask(f"Delete {path}?", options)
    removed = store.remove(known)
    if options.json:
        tell_json({"removed": str(removed) if removed else None})
        return
    tell(f"{removed} is gone." if removed else f"{known.name} is not there.")


def _about(known: ClassifierSpec, store: Store) -> dict[str, Any]:
    return {
        "name": known.name,
        "title": known.title,
        "licence": known.licence,
        "size": known.size,
        "sha256": known.sha256,
        "address": known.address,
        "weights": store.state(known),
        "file": str(store.path(known)),
    }


def _known(name: str) -> ClassifierSpec:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    if name not in CLASSIFIERS:
        raise InvalidRequest(f"There is no classifier {name!a}; there are {', '.join(CLASSIFIERS)}.")
    return CLASSIFIERS[name]


def _store(options: argparse.Namespace) -> Store:
    from ..pipelines.safety.settings import SafetySettings

    store = SafetySettings.from_environment().store
    return replace(store, folders=(Path(options.folder),)) if options.folder else store


def _ask(question: str, options: argparse.Namespace) -> None:
    if options.yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidRequest("Nobody can be asked here; add --yes.")
    say(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidRequest("Nothing was done.")


def _open_address(address: str) -> AbstractContextManager[ResponseBody]:
    from urllib.request import build_opener

    return build_opener().open(address, timeout=_SECONDS)  # type: ignore[no-any-return]


def _bar(total: int, unit: str, *, quiet: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, unit_scale=bool(unit), disable=True if quiet else None, leave=False)
