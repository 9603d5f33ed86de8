"""`multiedit keys`: the keys of the HTTP API."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from .arguments import add_command
from .output import print_json, print_note, print_result

if TYPE_CHECKING:
    from ..api.access.keys import KeyFile


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("keys", help="the keys of the HTTP API")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    add = add_command(group, "add", add_key, "create a key, and show it once")
    add.add_argument("name", metavar="NAME", help="who or what it is for")
    add_command(group, "list", list_keys, "list the keys' ids and names")
    revoke = add_command(group, "revoke", revoke_key, "revoke a key; it stops working at once")
    revoke.add_argument("id", metavar="ID")


def _key_file() -> KeyFile:
    from ..api.access.keys import KeyFile, default_path

    return KeyFile(default_path())


def add_key(options: argparse.Namespace) -> None:
    key = _key_file().add(options.name)
    if options.json:
        print_json({"key": key})
        return
    print_result(key)
    print_note("This is the only time that it is shown; the file keeps a hash.")


def list_keys(options: argparse.Namespace) -> None:
    keys = _key_file().keys().values()
    if options.json:
        shown = ("id", "name", "created")
        print_json([{name: dataclasses.asdict(key)[name] for name in shown} for key in keys])
        return
    for key in keys:
        print_result(f"{key.id}  {key.name}")


def revoke_key(options: argparse.Namespace) -> None:
    key = _key_file().revoke(options.id)
    if options.json:
        print_json({"id": key.id, "name": key.name})
        return
    print_note(f"Revoked {key.id} ({key.name}).")
