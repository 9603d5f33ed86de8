"""Scores of a folder of labelled pictures, kept by the pictures' sha256 alone."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..common.errors import InvalidImage, InvalidRequest
from ..common.settings import Limits
from ..images.input_image import ImageFile
from .classifiers.classifier import Classifier
from .classifiers.views import TILED_PIXELS
from .measurement import measure
from .policy import PRESETS, Policy
from .screening import check

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
UNJUDGED = 1.0  # the score of a picture that is blurred because it cannot be judged
_SEED = 0
_LABELS = {"unsafe": True, "nsfw": True, "1": True, "safe": False, "sfw": False, "0": False}


@dataclass(frozen=True)
class Scored:
    """One picture: its sha256, its label, and its scores by view setting and level."""

    sha256: str
    unsafe: bool
    scores: Mapping[str, Mapping[str, float]]


def read_labels(path: Path) -> dict[str, bool]:
    """A CSV file with a header and the columns `file` and `label` (safe or unsafe) -> unsafe by file.

    Raises:
        InvalidRequest: it cannot be read, or a label is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["file"]: _LABELS[row["label"].strip().lower()] for row in rows}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InvalidRequest(
            f"{path} has no labels: {error}. It must be a CSV file with a header, and the columns file and "
            f"label; a label is one of {', '.join(_LABELS)}."
        ) from error


def all_safe(folder: Path) -> dict[str, bool]:
    """Every picture file in a folder and the folders in it, as safe."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return {str(path.relative_to(folder)): False for path in files}


def score_pictures(
    folder: Path,
    labels: Mapping[str, bool],
    classifier: Classifier,
    limits: Limits,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Scored], list[str]]:
    """Score every labelled picture, whole and in quarters as well.

    Returns:
        The scored pictures, each content once, and the files that are no pictures.
    """
    small = replace(limits, min_pixels=1, min_side=1)
    found: dict[str, Scored] = {}
    unread = []
    for file, unsafe in labels.items():
        try:
            data = (folder / file).read_bytes()
            image = ImageFile(data, small, file).image()
        except (OSError, InvalidImage):
            unread.append(file)
            continue
        finally:
            progress(1)
        sha256 = hashlib.sha256(data).hexdigest()
        whole = _scores(image, classifier, Policy())
        large = image.shape[1] * image.shape[2] > TILED_PIXELS
        tiles = _scores(image, classifier, Policy(tiles=True)) if large else whole
        found[sha256] = Scored(sha256, unsafe, {"whole": whole, "tiles": tiles})
    return list(found.values()), unread


def _scores(image: Tensor, classifier: Classifier, policy: Policy) -> Mapping[str, float]:
    (report,) = check(image, lambda: classifier, policy)
    return report.scores or dict.fromkeys(classifier.levels, UNJUDGED)


def results(scored: Sequence[Scored], classifier: Classifier) -> Iterator[dict[str, Any]]:
    """The measures of each view setting and preset, as JSON takes them."""
    unsafe = np.array([each.unsafe for each in scored], bool)
    for view in ("whole", "tiles"):
        for preset in PRESETS:
            (rule,) = classifier.rules[preset]
            scores = np.array([each.scores[view][rule.level] for each in scored], np.float64)
            measured = measure(unsafe, scores, rule.threshold, np.random.default_rng(_SEED))
            settings = {"classifier": classifier.name, "views": view, "preset": preset, **rule._asdict()}
            yield {**settings, **measured.to_dict()}
