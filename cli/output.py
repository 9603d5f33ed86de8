"""Write results to standard output or a file, and everything else to standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..pipelines.common.errors import InvalidRequest, OutputError
from ..pipelines.common.validation import shown
from .arguments import STANDARD_STREAM, unused_options

if TYPE_CHECKING:
    from ..pipelines.editing.output import EncodedImage
    from ..pipelines.safety.report import SafetyReport

# Where each stage of an edit begins and ends on the progress bar, in percent.
_STAGES = {"load": (0, 20), "edit": (20, 70), "check": (70, 85), "encode": (85, 100)}


@contextlib.contextmanager
def _standard_output() -> Iterator[None]:
    if sys.stdout is None:
        raise OutputError("Standard output is closed. Redirect it to a file, or leave it open.")
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(
            f"Standard output cannot be written: {error.strerror}. Redirect it elsewhere."
        ) from error


def print_result(text: str) -> None:
    """Print a result on standard output."""
    with _standard_output():
        print(text)


def print_json(value: object) -> None:
    print_result(json.dumps(value, indent=2, allow_nan=False))


def print_output(options: argparse.Namespace, value: object, text: str, *notes: str) -> None:
    """Print the result of a command: `value` with --json, else `text`, where there is any, and the notes."""
    if options.json:
        print_json(value)
        return
    if text:
        print_result(text)
    for note in notes:
        print_note(note)


def print_note(text: str) -> None:
    """Print something about a result that is not part of it, on standard error."""
    if sys.stderr is not None:  # None where it is closed, which print takes for standard output
        print(text, file=sys.stderr)


def require_output(options: argparse.Namespace) -> None:
    """Refuse an output that cannot be written, before any work is done for it."""
    if not options.output:
        raise InvalidRequest("No output file; pass -o FILE, or -o - for standard output.")
    if options.output == STANDARD_STREAM:
        if options.json:
            raise InvalidRequest(
                "Standard output cannot take both the image and --json; write one to a file."
            )
        return
    require_file(options.output)


def require_outputs(options: argparse.Namespace, count: int) -> None:
    """Refuse several results where no files can be written for them, before any work is done for them."""
    from ..pipelines.common.atomic_file import is_stream

    if count > 1 and (options.output == STANDARD_STREAM or is_stream(options.output)):
        raise InvalidRequest(
            f"--batch-size is {count}, and {shown(options.output)} takes one image. Name a file: of "
            "-o out.png the results are out-1.png, out-2.png and so on."
        )
    for path in _paths(options.output, count):
        if path != STANDARD_STREAM:
            require_file(path)


def require_file(path: str) -> None:
    """Refuse a path where no file can be written."""
    from ..pipelines.common.atomic_file import final_path, is_stream

    if is_stream(path):
        return
    folder = final_path(path).parent
    if not os.path.isdir(folder):
        raise OutputError(f"The folder {shown(folder)} does not exist. Create it, or name another output.")
    if os.path.isdir(path):
        raise OutputError(f"{shown(path)} is a folder. Name a file in it.")


def write_file(path: str, data: bytes) -> None:
    """Write a file whole or not at all; a pipe or a device (/dev/stdout) takes the bytes as they come."""
    from ..pipelines.common.atomic_file import is_stream, write_atomically

    if not is_stream(path):
        write_atomically(path, data)
        return
    try:
        with open(path, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise OutputError(
            f"{shown(path)} cannot be written: {error.strerror}. Name another output."
        ) from error


def write_result(
    options: argparse.Namespace, file: EncodedImage, about: Sequence[str], details: dict[str, Any]
) -> None:
    """Write the file or files, then say what was done: in words on standard error, or as JSON."""
    from ..pipelines.editing.archive import unpack

    images = unpack(file)
    paths = _paths(options.output, len(images))
    _write_images(paths, images)
    notes = [f"{', '.join(paths)}: {about[0]}", *(f"  {line}" for line in about[1:])]
    notes.append(f"safe mode: {safety_text(file.safety)}")
    if file.dropped_metadata:
        notes.append(f"left out of the file: {', '.join(file.dropped_metadata)}")
    for note in unused_options(options, images[0].media_type):  # with --json too
        print_note(note)
    written = {
        "media_type": images[0].media_type,
        "bytes": sum(len(image.data) for image in images),
    }
    value = {"output": paths[0], "outputs": paths, **details, **written}
    print_output(options, value, "", *notes)


def _paths(path: str, count: int) -> list[str]:
    """The file of a result, or one for each of several: out-1.png, out-2.png and so on for out.png."""
    stem, ending = os.path.splitext(path)
    return [path] if count == 1 else [f"{stem}-{number}{ending}" for number in range(1, count + 1)]


def _write_images(paths: Sequence[str], images: Sequence[EncodedImage]) -> None:
    """Write a file or standard output, or several files of which all are written before one is renamed."""
    from ..pipelines.common.atomic_file import open_atomically

    if paths[0] == STANDARD_STREAM:
        with _standard_output():
            sys.stdout.buffer.write(images[0].data)
    elif len(paths) == 1:
        write_file(paths[0], images[0].data)
    else:
        with contextlib.ExitStack() as files:
            for path, image in zip(paths, images, strict=True):
                file = files.enter_context(open_atomically(path))
                file.write(image.data)
                file.flush()


def safety_text(report: SafetyReport, *, checked_only: bool = False) -> str:
    """What safe mode decided and why; `checked_only`: what it would do, as nothing was written."""
    if not report.safe_mode:
        return "off"
    decision = "blurred" if report.blurred else "passed"
    if checked_only:
        decision = "safe mode would blur it" if report.blurred else "safe mode would let it pass"
    if report.score is None:
        return f"{decision} ({report.status})"
    score = f"{report.level} {report.score:.4f}, threshold {report.threshold:g}"
    return f"{decision}, {score}, classifier {report.classifier}"


class BarStage(Protocol):
    """Move the bar: a stage, the share of it that is done, and what is being done in it."""

    def __call__(self, name: str, share: float, detail: str = "") -> None: ...


@contextlib.contextmanager
def progress_bar(
    options: argparse.Namespace,
    stages: Mapping[str, tuple[int, int]] = _STAGES,
    *,
    delay: float = 1.0,
    refresh: float = 0.2,
) -> Iterator[BarStage]:
    """Show a bar on standard error, where that is a terminal.

    Args:
        stages: where each begins and ends on the bar, in percent.
        delay: seconds of work before the bar appears.
        refresh: seconds from one drawing to the next.
    """
    if options.json or sys.stderr is None or not sys.stderr.isatty():
        yield lambda name, share, detail="": None
        return
    from tqdm import tqdm

    bar = tqdm(total=100, delay=delay, miniters=0, leave=False, bar_format="{desc} {bar} {elapsed}")
    with bar, _repeated(lambda: bar.update(0), refresh):

        def stage(name: str, share: float, detail: str = "") -> None:
            first, last = stages[name]
            bar.set_description_str(f"{name}: {detail}" if detail else name, refresh=False)
            bar.update(first + (last - first) * share - bar.n)

        yield stage


@contextlib.contextmanager
def _repeated(action: Callable[[], object], seconds: float) -> Iterator[None]:
    """Repeat an action on a thread of its own: a long stage reports nothing meanwhile."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(seconds):
            action()

    ticker = threading.Thread(target=repeat, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


def count_bar(total: int, unit: str, *, quiet: bool) -> Any:
    """Return tqdm's bar for a number of things or bytes, shown where standard error is a terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, unit_scale=bool(unit), disable=True if quiet else None, leave=False)
