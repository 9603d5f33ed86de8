"""`multiedit safety`: check an image, and manage the classifiers' weights."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest, WeightsMismatch
from ..pipelines.common.validation import describe
from . import safety_eval
from .arguments import (
    add_command,
    add_safety_options,
    decimal_number,
    image_source,
    safety_settings,
    source_loader,
)
from .output import count_bar, print_note, print_output, print_result, safety_text

if TYPE_CHECKING:
    from ..pipelines.safety.classifiers.specs import ClassifierSpec
    from ..pipelines.safety.classifiers.store import Store


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("safety", help="check an image, and manage safe mode's classifiers")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    check_parser = add_command(group, "check", check, "score an image; change nothing")
    check_parser.epilog = "The exit code is 0 whatever the decision; --json has it as `blurred`."
    check_parser.add_argument("image", metavar="FILE|URL|-")
    check_parser.add_argument("--threshold", type=decimal_number("--threshold"), metavar="0-1")
    add_safety_options(check_parser)
    safety_eval.add_parser(group)
    _add_store_command(group, "list", show, "list the classifiers and where their weights are")
    download_parser = _add_store_command(group, "download", download, "download a classifier's weights")
    download_parser.add_argument("--url", metavar="URL", help="of a mirror; the sha256 must be the same")
    verify_parser = _add_store_command(group, "verify", verify, "read the weights and compare their sha256")
    remove_parser = _add_store_command(group, "remove", remove, "delete a classifier's weights")
    verify_parser.add_argument("name", nargs="?", metavar="NAME")
    for changing in (download_parser, remove_parser):
        changing.add_argument("name", metavar="NAME", help="see `multiedit safety list`")
        changing.add_argument("--yes", action="store_true", help="do not ask")


def _add_store_command(
    group: Any, name: str, run: Callable[[argparse.Namespace], None], summary: str
) -> argparse.ArgumentParser:
    parser = add_command(group, name, run, summary)
    parser.add_argument("--folder", metavar="FOLDER", help="such as ComfyUI's models/classifiers")
    return parser


def check(options: argparse.Namespace) -> None:
    import asyncio

    from ..pipelines.common.settings import Limits
    from ..pipelines.images.input_image import ImageFile
    from ..pipelines.safety.screening import check as check_images

    limits, settings = Limits.from_environment(), safety_settings(options)
    name = "the image"
    source = image_source(options.image, limits, name)
    data = asyncio.run(source_loader(limits).load(source, name))
    file = ImageFile(data, limits, name)
    report = check_images(file.image(), settings.loader(), settings.policy)[0]
    summary = f"{report.label or report.status}: {safety_text(report, checked_only=True)}"
    notes = file.header.notes
    print_output(options, {**report.to_dict(), "notes": list(notes)}, summary, *notes)


def show(options: argparse.Namespace) -> None:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    store = _store(options)
    entries = [_entry(spec, store) for spec in CLASSIFIERS.values()]
    row = "{:<13}{:<33}{:<14}{:>9}  {:<12}{}".format
    lines = [row("name", "classifier", "licence", "MB", "weights", "file")]
    for entry in entries:
        size = f"{entry['size'] / 1e6:.1f}"
        lines.append(
            row(entry["name"], entry["title"], entry["licence"], size, entry["weights"], entry["file"])
        )
    print_output(options, entries, "\n".join(lines))


def download(options: argparse.Namespace) -> None:
    import asyncio

    from ..pipelines.sources.download import download as fetch

    store, spec = _store(options), _spec(options.name)
    if spec.url is None:
        print_result(f"{spec.name} is part of multi-edit; nothing to download.")
        return
    if _is_valid(store, spec):
        print_result(f"{spec.name} is already downloaded: {store.path(spec)}")
        return
    url = options.url or spec.url
    if not url.startswith(("https://", "http://")):
        raise InvalidRequest(f"--url is {describe(url)}; it must begin with https:// or http://.")
    print_note(f"{spec.name}: {spec.title}, licence {spec.licence}, {spec.size / 1e6:.1f} MB")
    print_note(f"  from {url}")
    print_note(f"  to {store.folders[0] / spec.file}")
    _confirm("Download it?", options)
    with count_bar(spec.size, "B", quiet=options.json) as bar:
        path = asyncio.run(store.download(spec, url, fetch, bar.update))
    value = {"name": spec.name, "file": str(path), "sha256": spec.sha256}
    print_output(options, value, f"{path}: {spec.size} bytes, sha256 {spec.sha256}")


def _is_valid(store: Store, spec: ClassifierSpec) -> bool:
    """Check that the weights are there and right; damaged ones are reported, and will be replaced."""
    try:
        return store.state(spec) == "present" and bool(store.verify(spec))
    except WeightsMismatch as error:
        print_note(error.message)
        return False


def verify(options: argparse.Namespace) -> None:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    store = _store(options)
    selected = [_spec(options.name)] if options.name else list(CLASSIFIERS.values())
    present = [spec for spec in selected if options.name or store.state(spec) != "absent"]
    found = {spec.name: store.verify(spec) for spec in present}
    print_output(options, found, "\n".join(f"{name}: {sha256}" for name, sha256 in found.items()))


def remove(options: argparse.Namespace) -> None:
    store, spec = _store(options), _spec(options.name)
    path = store.path(spec)
    if spec.url is not None and os.path.isfile(path):
        _confirm(f"Delete {path}?", options)
    removed = store.remove(spec)
    text = f"Removed {removed}." if removed else f"{spec.name} is not downloaded."
    print_output(options, {"removed": str(removed) if removed else None}, text)


def _entry(spec: ClassifierSpec, store: Store) -> dict[str, Any]:
    own = {name: getattr(spec, name) for name in ("name", "title", "licence", "size", "sha256", "url")}
    return {**own, "weights": store.state(spec), "file": str(store.path(spec))}


def _spec(name: str) -> ClassifierSpec:
    from ..pipelines.safety.classifiers.specs import CLASSIFIERS

    if name not in CLASSIFIERS:
        raise InvalidRequest(
            f"Unknown classifier {describe(name)}; it must be one of {', '.join(CLASSIFIERS)}."
        )
    return CLASSIFIERS[name]


def _store(options: argparse.Namespace) -> Store:
    from ..pipelines.safety.settings import SafetySettings

    store = SafetySettings.from_environment().store
    return replace(store, folders=(Path(options.folder),)) if options.folder else store


def _confirm(question: str, options: argparse.Namespace) -> None:
    if options.yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidRequest("Not a terminal; pass --yes.")
    print_note(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidRequest("Aborted.")
