"""The shell face: `multiedit edit | compose | resolve | models | safety | serve | keys`.

Arguments and exit codes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..pipelines.common.errors import InvalidRequest, MultiEditError, OutputError
from . import commands, output, safety, serve

_EXIT_CODES = """\
exit codes:
  0 done   2 wrong arguments or request   3 an image cannot be used   4 an address was not fetched
  5 the model cannot run here   6 safe mode could not be applied   7 the output could not be written
  1 anything else   130 interrupted
"""


class _Parser(argparse.ArgumentParser):
    """Wrong arguments are an error like any other, so that --json holds for them too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(f"{message}. `{self.prog} --help` says what it takes.")


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
        return commands.INTERRUPTED
    return 0


def _report_error(error: MultiEditError, as_json: bool) -> None:
    output.say(f"multiedit: {error.message}")
    if not as_json:
        return
    details = {"code": error.code, "message": error.message, "field": error.field}
    try:
        output.tell_json({"error": details})
    except OutputError as unheard:
        output.say(f"multiedit: {unheard.message}")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="multiedit",
        description="Edit a picture from layered images and one prompt.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_edit(subparsers)
    _add_compose(subparsers)
    _add_resolve(subparsers)
    _add_models(subparsers)
    _add_safety(subparsers)
    _add_serve(subparsers)
    _add_keys(subparsers)
    return parser


def _command(
    subparsers: Any, name: str, run: Callable[[argparse.Namespace], None], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    return parser


def _add_edit(subparsers: Any) -> None:
    parser = _command(subparsers, "edit", commands.edit, "edit a picture from up to three layered images")
    add = parser.add_argument
    add(
        "--image",
        action="append",
        required=True,
        metavar="FILE|URL|-",
        help="base first; - is standard input",
    )
    add("--prompt", required=True, help="what to do, in words")
    add("--model", metavar="ID", help="see `multiedit models`")
    add("--aspect-ratio", metavar="W:H", help="such as 16:9; default: the closest one to the first image")
    add("--resolution", metavar="TIER", help="1K, 2K or 4K")
    add("--quality", metavar="LEVEL", help="low, medium or high, for models that have it")
    add("--seed", type=int, metavar="N")
    add("--keep-size", action="store_true", help="the result has the first image's exact size")
    add("--role", action="append", default=[], metavar="N=ROLE", help="2=mask: overlay, mask or reference")
    add(
        "--place",
        action="append",
        default=[],
        metavar="N=NAME=VALUE,...",
        help="2=fit=contain,anchor=top-left,scale=0.5,opacity=0.8,seamless=true",
    )
    add("--explain", action="store_true", help="print the plan and stop")
    add("--comfyui", action="append", metavar="URL", help="edit there; given more than once, the least busy")
    add("--preview", metavar="FILE", help="keep the newest preview of --comfyui there")
    add("--check-inputs", dest="inputs", action="store_true", default=None, help="safe mode judges FILE too")
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", metavar="OUT", help="the file to write; - is standard output")
    add("--output-format", metavar="FORMAT", help="png, jpeg or webp; default: by OUT's ending")
    add("--no-safe-mode", action="store_true", help="do not check the result for adult content")
    _add_policy(parser)
    add("--file-quality", type=int, metavar="1-100", help="of a jpeg or lossy webp file")
    add("--lossless", action="store_true", help="write webp without loss")
    add("--matte", metavar="#RRGGBB", help="what shows through transparency in a jpeg; default #ffffff")


def _add_compose(subparsers: Any) -> None:
    parser = _command(subparsers, "compose", commands.compose, "composite a LAYERS document")
    parser.add_argument("document", metavar="DOC.json", help="see docs/layers.md")
    _add_output(parser)


def _add_resolve(subparsers: Any) -> None:
    parser = _command(subparsers, "resolve", commands.resolve, "say which size a model makes")
    add = parser.add_argument
    add("--model", default="layer-composite", metavar="ID")
    add("--aspect-ratio", metavar="W:H")
    add("--resolution", metavar="TIER")
    add("--image-size", metavar="WxH", help="of the first image, for the ratio or --keep-size")
    add("--keep-size", action="store_true")


def _add_models(subparsers: Any) -> None:
    parser = _command(subparsers, "models", commands.models, "list the models of the catalogue")
    parser.add_argument("id", nargs="?", help="show everything about one")
    parser.add_argument("--refresh", action="store_true", help="ask the hosted provider what it has now")


def _add_safety(subparsers: Any) -> None:
    parser = subparsers.add_parser("safety", help="safe mode by itself, and its classifiers")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    check = _command(group, "check", safety.check, "score a picture; change nothing")
    check.epilog = "The exit code is 0 whatever the verdict; it is in the answer (--json: `blurred`)."
    check.add_argument("image", metavar="FILE|URL|-")
    check.add_argument("--threshold", type=float, metavar="0-1")
    _add_policy(check)
    _add_evaluation(group)
    _store_command(group, "list", safety.show, "list the classifiers and where their weights are")
    fetch = _store_command(group, "fetch", safety.fetch, "download a classifier's weights")
    fetch.add_argument("--address", metavar="URL", help="of a mirror; the sha256 must be the same")
    verify = _store_command(group, "verify", safety.verify, "read the weights and compare their sha256")
    remove = _store_command(group, "remove", safety.remove, "delete a classifier's weights")
    verify.add_argument("name", nargs="?", metavar="NAME")
    for changing in (fetch, remove):
        changing.add_argument("name", metavar="NAME", help="see `multiedit safety list`")
        changing.add_argument("--yes", action="store_true", help="do not ask")


def _add_evaluation(group: Any) -> None:
    parser = _command(group, "eval", safety.evaluate, "measure classifiers by pictures of your own")
    add = parser.add_argument
    add("--dir", required=True, metavar="FOLDER", help="of the pictures; they are read and nothing else")
    add("--labels", metavar="FILE.csv", help="with the columns file and label (safe or unsafe)")
    add("--benign", action="store_true", help="every picture is safe: measure false alarms")
    add("--classifier", action="append", metavar="NAME", help="may be given several times")
    add("--scores", metavar="OUT.json", help="keep the scores, by the pictures' sha256")


def _store_command(
    group: Any, name: str, run: Callable[[argparse.Namespace], None], summary: str
) -> argparse.ArgumentParser:
    parser = _command(group, name, run, summary)
    parser.add_argument("--folder", metavar="FOLDER", help="such as ComfyUI's models/classifiers")
    return parser


def _add_policy(parser: argparse.ArgumentParser) -> None:
    """Safe mode's settings; what is not given is the environment's, see docs/safety.md."""
    add = parser.add_argument
    add("--classifier", action="append", metavar="NAME", help="of safe mode; given twice, either may flag")
    add("--preset", metavar="NAME", help="of safe mode: strict, default or loose")
    add("--tiles", action="store_true", default=None, help="judge pictures over 2 MP in quarters as well")


def _add_serve(subparsers: Any) -> None:
    parser = _command(subparsers, "serve", serve.serve, "answer the HTTP API, see docs/api.md")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8787, metavar="N", help="default 8787; 0 for any")
    parser.add_argument(
        "--comfyui",
        action="append",
        default=[],
        metavar="URL",
        help="a ComfyUI for the models that need one; may be repeated",
    )


def _add_keys(subparsers: Any) -> None:
    parser = subparsers.add_parser("keys", help="the keys of the HTTP API")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    add = _command(group, "add", serve.add_key, "make a key, and show it once")
    add.add_argument("name", metavar="NAME", help="who or what it is for")
    _command(group, "list", serve.list_keys, "list the keys' ids and names")
    revoke = _command(group, "revoke", serve.revoke_key, "take a key away; it ends at once")
    revoke.add_argument("id", metavar="ID")
