"""Save images to files: the format where it is left open, metadata, and a name for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..common.atomic_file import write_atomically
from ..common.errors import InvalidRequest
from ..common.json_reader import read_json
from ..common.validation import mapping
from ..images.encode import Encoded, EncodeOptions, Format, encode
from ..images.tensor_input import image_batch
from ..planning.plan import format_for_tier
from ..planning.size import closest_tier

SUFFIXES: dict[Format, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@dataclass(frozen=True)
class Saved:
    """A file that was written.

    Attributes:
        safe_mode: the decision on the image; None where there was no report.
        dropped_metadata: names of what the file had no room for, or must not say because it is blurred.
        notes: of the plan.
    """

    path: Path
    safe_mode: Mapping[str, Any] | None
    dropped_metadata: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Return what a caller cannot see in the file, as JSON."""
        about = {"safe_mode": self.safe_mode, "dropped_metadata": self.dropped_metadata, "notes": self.notes}
        return json.dumps(about)


def save_images(
    images: object,
    options: EncodeOptions,
    path: Callable[[int, str], Path],
    *,
    automatic: bool,
    texts: Mapping[str, str],
    report: str | None,
    plan: str | None,
    progress: Callable[[float], None],
    run: Callable[[Callable[[], Encoded]], Encoded] = lambda work: work(),
) -> list[Saved]:
    """Encode and write each image of a batch.

    Args:
        images: 0..1, sRGB, straight alpha, of any layout that `images/tensor_input.py` takes.
        path: gives the file for an index in the batch and a suffix such as ".png".
        automatic: the format is not the options' but by the size, as for a request that names none.
        texts: ComfyUI's `prompt` and `workflow` as JSON; left out of the file of a blurred image.
        report: safe mode's, a JSON list with an object for each image; it goes into the files.
        plan: how the images were made, a JSON object; it goes into the files that are not blurred.
        progress: called after each image with the share that is done; what it raises ends the work, and
            the files written before stay.
        run: calls what encodes an image, by default at once; what it raises ends the work too.

    Raises:
        InvalidRequest: they are no images, the report is not one of these images, or the plan is none.
        EditFailed, OutputError: an image cannot be encoded or written.
    """
    batch = image_batch(images, "images")
    decisions = _decisions(report, len(batch))
    # Multi-Edit knows nothing of the Safe Mode after it; the report is what says that there was one.
    made: dict[str, object] = {}
    notes: tuple[str, ...] = ()
    if plan is not None:
        decided = mapping(_parse(plan, "plan", "Multi-Edit's plan"), "plan")
        made = {"plan": {**decided, "safe_mode": report is not None}}
        said = decided.get("notes")
        notes = tuple(map(str, said)) if isinstance(said, list) else ()
    if automatic:
        options = replace(options, format=format_for_tier(closest_tier((batch.shape[2], batch.shape[1]))))
    written = []
    for index, (image, decision) in enumerate(zip(batch, decisions, strict=True)):
        about = made if decision is None else {**made, "safe_mode": decision}
        own = {"multiedit": json.dumps(about)} if about else {}
        blurred = decision is not None and decision["blurred"]
        target = path(index, SUFFIXES[options.format])
        file = run(partial(encode, image, options, {**own, **texts}, blurred=blurred))
        write_atomically(target, file.data)
        written.append(Saved(target, decision, file.dropped_metadata, notes))
        progress((index + 1) / len(batch))
    return written


def _parse(text: str, field: str, source: str) -> Any:
    """Parse the JSON of an input; `source` is what has to be connected to it."""
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{field} is not valid JSON; connect {source} to it.", field=field) from None


def _decisions(report: str | None, count: int) -> list[Any]:
    """The decision on each image, None where there is no report; nothing is taken for safe by mistake."""
    if report is None:
        return [None] * count
    decisions = _parse(report, "report", "the report of Safe Mode")
    listed = isinstance(decisions, list) and all(
        isinstance(decision, dict) and isinstance(decision.get("blurred"), bool) for decision in decisions
    )
    if not listed or len(decisions) != count:
        found = f"{len(decisions)} decisions" if listed else "no list of decisions"
        raise InvalidRequest(
            f"report has {found} for {count} images; connect the report of the Safe Mode that these images "
            "come from.",
            field="report",
        )
    return list(decisions)
