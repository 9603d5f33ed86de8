"""Safe mode's decision. It fails closed: only a finite score below the threshold lets a picture through.

Only RuntimeError, which is what torch raises, is turned into a blurred picture. Anything else a classifier
raises goes up, and then there is no picture either.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..errors import ClassifierMissing, InvalidImage, InvalidRequest
from .classifier import Classifier, ClassifierLoader
from .obscure import obscure
from .report import BLUR, SafetyReport

logger = logging.getLogger(__name__)

OnMissing = Literal["error", "blur_all"]
Progress = Callable[[float], None]

# With one background only, a drawing in the alpha channel of a sheet of that colour would not be seen.
_BACKGROUNDS = (0.0, 1.0)


class Screened(NamedTuple):
    """What safe mode lets through.

    Attributes:
        image: [B, H, W, C], the given batch with the pictures that did not pass obscured.
        reports: one a picture, in order.
    """

    image: Tensor
    reports: list[SafetyReport]


def screen(
    image: Tensor,
    load: ClassifierLoader,
    *,
    threshold: float | None = None,
    on_missing: OnMissing = "error",
    progress: Progress | None = None,
) -> Screened:
    """Judge each picture of a batch and obscure those that do not pass. Arguments and errors: see `check`."""
    reports = check(image, load, threshold=threshold, on_missing=on_missing, progress=progress)
    if not any(report.blurred for report in reports):
        return Screened(image, reports)
    frames = [
        obscure(frame) if report.blurred else frame
        for frame, report in zip(_frames(image), reports, strict=True)
    ]
    return Screened(torch.cat(frames), reports)


def check(
    image: Tensor,
    load: ClassifierLoader,
    *,
    threshold: float | None = None,
    on_missing: OnMissing = "error",
    progress: Progress | None = None,
) -> list[SafetyReport]:
    """Judge each picture of a batch; `blurred` in a report says what `screen` would do.

    | the picture                                      | verdict                  |
    |--------------------------------------------------|--------------------------|
    | finite score < threshold                         | passes                   |
    | finite score >= threshold                        | blurred                  |
    | NaN or infinity in the picture or its score      | blurred, `error`         |
    | wrong number of scores                           | blurred, `error`         |
    | RuntimeError in the classifier                   | blurred, `error`         |
    | no classifier, and `on_missing` is `blur_all`    | blurred, `no_classifier` |

    With transparency the bare colours and the picture on black and on white are scored; the highest counts.

    Args:
        image: float [B, H, W, C], C = 3 or 4 (straight alpha), sRGB. Values are judged as clamped to 0..1.
        load: called once, before anything else.
        threshold: 0..1; None is the classifier's own.
        progress: called with the share of the pictures that are judged; what it raises ends the work.

    Raises:
        ClassifierMissing: there is no classifier and `on_missing` is `error`.
        WeightsMismatch: the classifier's weights are not the expected ones, whatever `on_missing`.
        InvalidRequest: the threshold is not within 0..1.
        InvalidImage: the tensor is no such image.
    """
    _require_image(image)
    if threshold is not None and not 0 <= threshold <= 1:
        raise InvalidRequest(
            f"The safe mode threshold is {threshold}; it must be 0 to 1. Correct it or leave it out."
        )
    try:
        classifier = load()
    except ClassifierMissing:
        if on_missing == "error":
            raise
        unseen = SafetyReport(safe_mode=True, status="no_classifier", blurred=True, blur=BLUR)
        return [unseen] * image.shape[0]
    limit = classifier.threshold if threshold is None else threshold
    reports = []
    for frame in _frames(image):
        reports.append(_verdict(_score(frame, classifier), limit, classifier))
        if progress is not None:
            progress(len(reports) / image.shape[0])
    return reports


def _require_image(image: Tensor) -> None:
    # Integers would be clamped to 0..1 and judged as a near black picture.
    if not (image.is_floating_point() and image.ndim == 4 and image.shape[3] in (3, 4)):
        raise InvalidImage(
            f"Safe mode was given {image.dtype} {list(image.shape)}; it takes floats 0..1 of the shape "
            "[B, H, W, 3 or 4]. Convert the picture first."
        )


def _frames(image: Tensor) -> list[Tensor]:
    return [image[index : index + 1] for index in range(image.shape[0])]


def _verdict(score: float, threshold: float, classifier: Classifier) -> SafetyReport:
    judged = math.isfinite(score)
    blurred = not (judged and score < threshold)
    return SafetyReport(
        safe_mode=True,
        status="ok" if judged else "error",
        blurred=blurred,
        score=score if judged else None,
        label=("nsfw" if blurred else "sfw") if judged else None,
        threshold=threshold,
        classifier=classifier.name,
        sha256=classifier.sha256,
        blur=BLUR if blurred else None,
    )


def _score(frame: Tensor, classifier: Classifier) -> float:
    """The highest score of one picture [1, H, W, C]; NaN where it cannot be judged."""
    if not all(torch.isfinite(extreme) for extreme in torch.aminmax(frame)):
        return math.nan
    try:
        scores = [classifier.scores(appearance) for appearance in _appearances(frame)]
    except RuntimeError as error:
        logger.warning("Safe mode blurs a picture that %s could not judge: %s", classifier.name, error)
        return math.nan
    if any(score.shape != (1,) for score in scores):
        shapes = [list(score.shape) for score in scores]
        logger.warning("Safe mode blurs a picture: %s gave scores %s, not [1]", classifier.name, shapes)
        return math.nan
    return float(torch.cat(scores).max())  # NaN, if one of them is


def _appearances(frame: Tensor) -> Iterator[Tensor]:
    """The bare colours of one picture [1, H, W, C], and what transparency makes of it: [1, H, W, 3], 0..1."""
    clamped = frame.clamp(0, 1)
    colour, alpha = clamped[..., :3], clamped[..., 3:]
    yield colour
    if not bool((alpha == 1).all()):  # true without an alpha channel too
        for background in _BACKGROUNDS:
            yield colour * alpha + background * (1 - alpha)
