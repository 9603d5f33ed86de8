"""`multiedit safety eval`: measure classifiers by labelled images."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe, shown
from .arguments import add_command, safety_settings
from .output import count_bar, print_output, write_file

if TYPE_CHECKING:
    from ..pipelines.safety.classifiers.classifier import Classifier
    from ..pipelines.safety.evaluation import ScoredImage

_ROW = "{:<18}{:<7}{:<9}{:>16}{:>17}  {:<20} {:<20} {:<20} {:<20} {}"
_HEAD = _ROW.format(
    "classifier", "views", "preset", "false negatives", "false positives",
    "precision", "recall", "F1", "false positive rate", "ROC-AUC",
)  # fmt: skip
_RATES = ("precision", "recall", "f1", "false_positive_rate", "roc_auc")


def add_parser(group: Any) -> None:
    parser = add_command(group, "eval", evaluate, "measure classifiers by your own images")
    add = parser.add_argument
    add("--dir", required=True, metavar="FOLDER", help="of the images; they are only read")
    add("--labels", metavar="FILE.csv", help="with the columns file and label (safe or unsafe)")
    add("--benign", action="store_true", help="every image is safe: measure false positives")
    add("--classifier", action="append", metavar="NAME", help="may be given several times")
    add("--scores", metavar="OUT.json", help="write the scores, by the images' sha256")


def evaluate(options: argparse.Namespace) -> None:
    from ..pipelines.common.settings import Limits
    from ..pipelines.safety import evaluation
    from ..pipelines.safety.classifiers.classifier import EnsembleClassifier
    from ..pipelines.safety.classifiers.loader import load_known

    settings, folder = safety_settings(options), Path(options.dir)
    if options.benign == bool(options.labels):
        raise InvalidRequest(
            "Pass either --labels FILE, or --benign where every image of the folder is safe."
        )
    if not os.path.isdir(folder):
        raise InvalidRequest(f"--dir is {describe(options.dir)}, which is not a folder. Check the path.")
    labels = (
        evaluation.label_all_safe(folder) if options.benign else evaluation.read_labels(Path(options.labels))
    )
    if not labels:
        raise InvalidRequest(
            f"No images in {shown(folder)}; the endings are {', '.join(evaluation.SUFFIXES)}."
        )
    results: list[dict[str, Any]] = []
    by_name: dict[str, list[ScoredImage]] = {}
    parts: list[Classifier] = []
    unread: list[str] = []
    for name in settings.classifiers:
        classifier = load_known(name, settings.store)
        with count_bar(len(labels), "", quiet=options.json) as bar:
            scored, unread = evaluation.score_images(
                folder, labels, classifier, Limits.from_environment(), bar.update
            )
        parts.append(classifier)
        by_name[name] = scored
        results += evaluation.results(scored, classifier)
    if len(parts) > 1:
        results += evaluation.results(evaluation.joined(by_name), EnsembleClassifier(parts))
    if options.scores:
        write_file(options.scores, json.dumps(_by_image(by_name), indent=1).encode())
    note = f"{len(unread)} of {len(labels)} files are not readable images."
    value = {"results": results, "unread": len(unread)}
    print_output(options, value, "\n".join([_HEAD, *map(_row, results)]), note)


def _by_image(by_name: Mapping[str, Sequence[ScoredImage]]) -> dict[str, dict[str, Any]]:
    """Each image's label and its scores by classifier, by its sha256."""
    found: dict[str, dict[str, Any]] = {}
    for name, scored in by_name.items():
        for image in scored:
            found.setdefault(image.sha256, {"unsafe": image.unsafe})[name] = image.scores
    return found


def _row(result: dict[str, Any]) -> str:
    counts = [
        f"{result['false_negatives']}/{result['unsafe']}",
        f"{result['false_positives']}/{result['safe']}",
    ]
    names = [result["classifier"], result["views"], result["preset"]]
    return _ROW.format(*names, *counts, *(_estimate(result[rate]) for rate in _RATES))


def _estimate(rate: dict[str, float | None]) -> str:
    if rate["value"] is None:
        return "-"
    return f"{rate['value']:.3f} ({rate['low']:.3f}-{rate['high']:.3f})"
