"""Score a folder of labelled images, and keep the scores by the images' sha256 alone."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..common.errors import InvalidImage, InvalidRequest
from ..common.settings import Limits
from ..common.validation import shown
from ..images.input_image import ImageFile
from .classifiers.classifier import Classifier
from .classifiers.views import TILED_PIXELS
from .metrics import compute_metrics
from .policy import PRESETS, Policy
from .screening import check

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
UNCLASSIFIED = 1.0  # the score of an image that is blurred because it cannot be classified
_SEED = 0
_LABELS = {"unsafe": True, "nsfw": True, "1": True, "safe": False, "sfw": False, "0": False}


@dataclass(frozen=True)
class ScoredImage:
    """One image: its sha256, its label, and its scores by view setting and level."""

    sha256: str
    unsafe: bool
    scores: Mapping[str, Mapping[str, float]]


def read_labels(path: Path) -> dict[str, bool]:
    """Read a CSV file with a header and the columns `file` and `label` -> whether unsafe, by file.

    Raises:
        InvalidRequest: it cannot be read, or a label is unknown.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["file"]: _LABELS[row["label"].strip().lower()] for row in rows}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        reason = error.strerror if isinstance(error, OSError) else shown(error)
        raise InvalidRequest(
            f"{shown(path)} is not a valid file of labels: {reason}. It must be a CSV file with a header "
            f"and the columns file and label; a label is one of {', '.join(_LABELS)}."
        ) from error


def label_all_safe(folder: Path) -> dict[str, bool]:
    """Label every image file in a folder and its subfolders as safe."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return {path.relative_to(folder).as_posix(): False for path in files}


def score_images(
    folder: Path,
    labels: Mapping[str, bool],
    classifier: Classifier,
    limits: Limits,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[ScoredImage], list[str]]:
    """Score every labelled image, whole and in quarters as well.

    Returns:
        The scored images, each content once, and the files that are not readable images.
    """
    found: dict[str, ScoredImage] = {}
    unread = []
    for file, unsafe in labels.items():
        try:
            data = (folder / file).read_bytes()
            image = ImageFile(data, limits, file).image()
        except (OSError, InvalidImage):
            unread.append(file)
            continue
        finally:
            progress(1)
        sha256 = hashlib.sha256(data).hexdigest()
        whole = _scores(image, classifier, Policy())
        large = image.shape[1] * image.shape[2] > TILED_PIXELS
        tiles = _scores(image, classifier, Policy(tiles=True)) if large else whole
        found[sha256] = ScoredImage(sha256, unsafe, {"whole": whole, "tiles": tiles})
    return list(found.values()), unread


def _scores(image: Tensor, classifier: Classifier, policy: Policy) -> Mapping[str, float]:
    (report,) = check(image, lambda: classifier, policy)
    return report.scores or dict.fromkeys(classifier.levels, UNCLASSIFIED)


def joined(parts: Mapping[str, Sequence[ScoredImage]]) -> list[ScoredImage]:
    """Join the scores that several classifiers gave the same images, by the levels of an ensemble of them."""
    return [
        replace(each[0], scores={view: _joined(parts, each, view) for view in each[0].scores})
        for each in zip(*parts.values(), strict=True)
    ]


def _joined(names: Iterable[str], images: Sequence[ScoredImage], view: str) -> dict[str, float]:
    return {
        f"{name}.{level}": score
        for name, image in zip(names, images, strict=True)
        for level, score in image.scores[view].items()
    }


def results(scored: Sequence[ScoredImage], classifier: Classifier) -> Iterator[dict[str, Any]]:
    """Yield the metrics of each view setting and preset, as JSON takes them."""
    unsafe = np.array([each.unsafe for each in scored], bool)
    for view in ("whole", "tiles"):
        for preset in PRESETS:
            rules = classifier.rules[preset]
            excesses = [
                max(each.scores[view][rule.level] - rule.threshold for rule in rules) for each in scored
            ]
            random = np.random.default_rng(_SEED)
            metrics = compute_metrics(unsafe, np.array(excesses, np.float64), 0.0, random)
            settings = {"classifier": classifier.name, "views": view, "preset": preset}
            yield {**settings, "rules": [rule._asdict() for rule in rules], **asdict(metrics)}
