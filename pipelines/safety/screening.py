"""Check images and blur those that do not pass: only a finite score below the threshold passes.

Only RuntimeError, which is what torch raises, is turned into a blurred image. Anything else that a
classifier raises goes up, and then there is no image either.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..common.errors import ClassifierMissing, ContentRefused, InvalidImage
from ..common.types import OnProgress
from .blur import blur
from .classifiers.classifier import Classifier, ClassifierLoader
from .classifiers.network import VIEWS_AT_ONCE
from .policy import DEFAULT_POLICY, Policy
from .report import BLUR, SafetyReport
from .video_frames import frames_to_check

logger = logging.getLogger(__name__)

# Images are classified together: as many as a chunk has views, which fills each chunk however many views one
# has, but where they are large only as many as have so many pixels, a copy of 200 MB.
PIXELS_AT_ONCE = 1 << 24

# With one background only, a drawing in the alpha channel of a sheet of that colour would not be seen.
_BACKGROUNDS = (0.0, 1.0)


def screen(
    image: Tensor,
    load: ClassifierLoader,
    policy: Policy = DEFAULT_POLICY,
    *,
    frames_per_second: float | None = None,
    progress: OnProgress | None = None,
) -> tuple[Tensor, list[SafetyReport]]:
    """Check each image of a batch and blur those that do not pass. Arguments and errors: see `check`.

    Returns:
        The batch [B, H, W, C], the given one where every image passes, and a report on each image, in order.
    """
    reports = check(image, load, policy, frames_per_second=frames_per_second, progress=progress)
    if not any(report.blurred for report in reports):
        return image, reports
    frames = [
        blur(frame) if report.blurred else frame
        for frame, report in zip(torch.split(image, 1), reports, strict=True)
    ]
    return torch.cat(frames), reports


def check(
    image: Tensor,
    load: ClassifierLoader,
    policy: Policy = DEFAULT_POLICY,
    *,
    frames_per_second: float | None = None,
    progress: OnProgress | None = None,
) -> list[SafetyReport]:
    """Check each image of a batch; `blurred` in a report says what `screen` would do.

    | the image                                        | decision                 |
    |--------------------------------------------------|--------------------------|
    | every finite score < its threshold               | passes                   |
    | a finite score >= its threshold                  | blurred                  |
    | NaN or infinity in the image or its scores       | blurred, `error`         |
    | wrong number of scores                           | blurred, `error`         |
    | RuntimeError in the classifier                   | blurred, `error`         |
    | no classifier, and `on_missing` is `blur_all`    | blurred, `no_classifier` |

    With transparency the bare colours and the image on black and on white are scored; the highest counts.

    Args:
        image: float [B, H, W, C], C = 3 or 4 (straight alpha), sRGB. The check clamps values to 0..1.
        load: called once, before anything else.
        frames_per_second: the batch is a video: some of its frames are checked (see video_frames.py), and
            the most severe decision is that of all.
        progress: called with the share of the work that is done; what it raises ends the work.

    Raises:
        ClassifierMissing: there is no classifier and `on_missing` is `error`.
        WeightsMismatch: the classifier's weights are not the expected ones, whatever `on_missing`.
        InvalidRequest: the video's rate is not a positive number.
        InvalidImage: the tensor is not such an image.
    """
    _require_image(image)
    try:
        classifier = load()
    except ClassifierMissing:
        if policy.on_missing == "error":
            raise
        unchecked = SafetyReport(safe_mode=True, status="no_classifier", blurred=True, blur=BLUR)
        return [unchecked] * len(image)
    video = frames_per_second is not None
    indices = range(len(image)) if frames_per_second is None else frames_to_check(image, frames_per_second)
    reports: list[SafetyReport] = []
    at_once = max(1, min(VIEWS_AT_ONCE, PIXELS_AT_ONCE // (image.shape[1] * image.shape[2])))
    for start in range(0, len(indices), at_once):
        if progress is not None:
            progress(len(reports) / len(indices))
        found = _scores(image, indices[start : start + at_once], classifier, policy)
        reports += [_decide(scores, policy, classifier) for scores in found]
    if progress is not None:
        progress(1.0)
    if not video or not reports:
        return reports
    worst = max(reports, key=lambda report: (report.blurred, report.status != "ok", report.score or 0.0))
    return [worst] * len(image)


def require_classifier(load: ClassifierLoader, policy: Policy) -> None:
    """Load the classifier before work that would be lost without it. Raises what `check` raises for that."""
    try:
        load()
    except ClassifierMissing:
        if policy.on_missing == "error":
            raise


def require_safe(image: Tensor, load: ClassifierLoader, policy: Policy, name: str) -> None:
    """Refuse an input image [1, H, W, C] that does not pass.

    Args:
        name: of the image in the message: "image 2".

    Raises:
        ContentRefused: it is not safe, or could not be classified.
    """
    (report,) = check(image, load, policy)
    if report.blurred:
        reason = "was classified as adult" if report.label == "nsfw" else "could not be classified"
        raise ContentRefused(
            f"Safe mode refuses {name}: it {reason}. Send another image, or switch safe mode off.",
            field="images",
        )


def _require_image(image: Tensor) -> None:
    # Integers would be clamped to 0..1 and classified as a near black image.
    shaped = image.ndim == 4 and image.shape[3] in (3, 4) and 0 not in image.shape[1:]
    if not (shaped and image.is_floating_point()):
        raise InvalidImage(
            f"Safe mode was given {image.dtype} {list(image.shape)}; it takes floats 0..1 of the shape "
            "[B, H, W, 3 or 4]. Convert the image first."
        )


def _decide(scores: list[float], policy: Policy, classifier: Classifier) -> SafetyReport:
    finite = all(math.isfinite(score) for score in scores)
    by_level = dict(zip(classifier.levels, scores, strict=True))
    rules = classifier.rules[policy.preset]
    if policy.threshold is not None:
        rules = tuple(rule._replace(threshold=policy.threshold) for rule in rules)
    decisive = max(rules, key=lambda rule: by_level[rule.level] - rule.threshold)
    blurred = not (finite and all(by_level[rule.level] < rule.threshold for rule in rules))
    return SafetyReport(
        safe_mode=True,
        status="ok" if finite else "error",
        blurred=blurred,
        score=by_level[decisive.level] if finite else None,
        label=("nsfw" if blurred else "sfw") if finite else None,
        level=decisive.level,
        threshold=decisive.threshold,
        preset=policy.preset,
        classifier=classifier.name,
        sha256=classifier.sha256,
        scores=by_level if finite else None,
        blur=BLUR if blurred else None,
    )


def _scores(
    image: Tensor, indices: Sequence[int], classifier: Classifier, policy: Policy
) -> list[list[float]]:
    """Return each image's highest score of each level; NaN where it cannot be classified."""
    scores = dict.fromkeys(indices, [math.nan] * len(classifier.levels))
    # aminmax hands a NaN on
    finite = [index for index in indices if torch.stack(image[index].aminmax()).isfinite().all()]
    if finite:
        clamped = image[finite].float().clamp_(0, 1)  # of a copy, which indexing by a list makes
        scores |= zip(finite, _classified(clamped, classifier, policy), strict=True)
    return list(scores.values())


def _classified(frames: Tensor, classifier: Classifier, policy: Policy) -> list[list[float]]:
    """Classify images [B, H, W, C], 0..1, at once; where that fails one by one, to save the others."""
    try:
        return _highest(frames, classifier, policy)
    except RuntimeError as error:
        reason = str(error)
    # Out of the except clause: the error holds on to the tensors of the failed attempt.
    if len(frames) > 1:
        return [
            scores for frame in torch.split(frames, 1) for scores in _classified(frame, classifier, policy)
        ]
    logger.warning("Safe mode blurs an image that %s could not classify: %s", classifier.name, reason)
    return [[math.nan] * len(classifier.levels)]


def _highest(frames: Tensor, classifier: Classifier, policy: Policy) -> list[list[float]]:
    """Take the highest score over appearances. Raises RuntimeError where an image or a level has none."""
    scores = [classifier.scores(appearance, policy.tiles) for appearance in _appearances(frames)]
    expected, shapes = (len(frames), len(classifier.levels)), {tuple(score.shape) for score in scores}
    if shapes != {expected}:
        raise RuntimeError(f"its scores have the shapes {shapes}; expected {expected}")
    highest: list[list[float]] = torch.stack(scores).amax(0).tolist()  # amax hands a NaN on
    return highest


def _appearances(frames: Tensor) -> Iterator[Tensor]:
    """Yield the bare colours of images [B, H, W, C], then them on each background: [B, H, W, 3], 0..1."""
    colour, alpha = frames[..., :3], frames[..., 3:]
    yield colour
    if not bool((alpha == 1).all()):  # true without an alpha channel too
        for background in _BACKGROUNDS:
            yield colour * alpha + background * (1 - alpha)
