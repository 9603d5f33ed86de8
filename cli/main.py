"""`multiedit COMMAND`: assemble the parsers, run the command, map errors to exit codes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..pipelines.common.errors import InvalidRequest, MultiEditError, OutputError
from ..pipelines.common.validation import shown
from ..pipelines.common.version import VERSION
from . import catalog, compose, edit, keys, output, safety, serve

_EXIT_CODES = """\
exit codes:
  0 done   2 wrong arguments or request   3 an image cannot be used   4 a URL was not fetched
  5 the model cannot run here   6 safe mode could not be applied   7 the output could not be written
  1 anything else   130 interrupted
"""


_QUOTED = re.compile(r"""'(?:[^'\\]|\\.){81,}'|"(?:[^"\\]|\\.){81,}\"""", re.DOTALL)


def _shortened(quoted: re.Match[str]) -> str:
    return repr(shown(quoted[0][1:-1]))


class _Parser(argparse.ArgumentParser):
    """Raise wrong arguments as an error like any other, so that --json holds for them too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse says, without most of a long argument that it repeats."""
        head, unrecognized, words = message.rpartition("unrecognized arguments: ")
        message = head + unrecognized + (shown(words) if unrecognized else _QUOTED.sub(_shortened, words))
        raise InvalidRequest(f"{message}. See `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = build_parser().parse_args(words)
        options.command(options)
    except MultiEditError as error:
        _report_error(error, "--json" in words)
        return error.exit_code
    except KeyboardInterrupt:
        return edit.INTERRUPTED
    return 0


def _report_error(error: MultiEditError, as_json: bool) -> None:
    output.print_note(f"multiedit: {error.message}")
    if not as_json:
        return
    details = {"code": error.code, "message": error.message, "field": error.field}
    try:
        output.print_json({"error": details})
    except OutputError as unprinted:
        output.print_note(f"multiedit: {unprinted.message}")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="multiedit",
        description="Edit an image from layered images and one prompt.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"multiedit {VERSION}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    edit.add_parser(subparsers)
    compose.add_parser(subparsers)
    catalog.add_resolve_parser(subparsers)
    catalog.add_models_parser(subparsers)
    safety.add_parser(subparsers)
    serve.add_parser(subparsers)
    keys.add_parser(subparsers)
    return parser
