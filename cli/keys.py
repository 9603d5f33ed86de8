"""`multiedit keys`: the keys of the HTTP API."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .arguments import add_command
from .output import print_output

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
    print_output(options, {"key": key}, key, "This is the only time that it is shown; the file keeps a hash.")


def list_keys(options: argparse.Namespace) -> None:
    keys = _key_file().keys().values()
    entries = [{"id": key.id, "name": key.name, "created": key.created} for key in keys]
    print_output(options, entries, "\n".join(f"{key.id}  {key.name}" for key in keys))


def revoke_key(options: argparse.Namespace) -> None:
    key = _key_file().revoke(options.id)
    print_output(options, {"id": key.id, "name": key.name}, "", f"Revoked {key.id} ({key.name}).")
