"""The key file: API keys as salted hashes.

A key is 256 random bits, so a single salted hash is enough: it cannot be guessed. It contains its id,
`me-ID-SECRET`, so that one hash is computed for each request, however many keys there are.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ...pipelines.common.atomic_file import write_atomically
from ...pipelines.common.errors import InvalidRequest, OutputError
from ...pipelines.common.json_reader import read_json
from ...pipelines.common.settings import read_variable
from ...pipelines.common.user_folders import user_folder
from ...pipelines.common.validation import describe, shown

_KEY = re.compile(r"me-([0-9a-f]{8})-[0-9a-zA-Z_-]{20,}")
_MOST_KEYS = 10_000
_LATEST = 253_402_300_800  # Unix seconds, the year 10000
_LOCK_SECONDS = 10.0  # a change takes milliseconds


@dataclass(frozen=True)
class StoredKey:
    """A key in the file: its name, and the hash that verifies it. `created` is Unix seconds."""

    id: str
    name: str
    salt: str
    hash: str
    created: int


def default_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return `MULTIEDIT_KEYS_FILE`, or keys.json in the user's configuration folder."""
    if named := read_variable("KEYS_FILE", "", environment):
        return Path(named)
    return user_folder("config", environment) / "keys.json"


def _hash(salt: str, key: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + key.encode()).hexdigest()


class KeyFile:
    """Reads and writes the key file; a changed file is read again, so that a revoked key fails at once.

    Args:
        now: Unix seconds.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._read: tuple[tuple[int, ...] | None, dict[str, StoredKey]] = (None, {})

    def keys(self) -> dict[str, StoredKey]:
        """Return all keys by id; none where the file does not exist.

        Raises:
            InvalidRequest: the file is not a valid key file.
        """
        try:
            status = self.path.stat()
            state = (status.st_ino, status.st_mtime_ns, status.st_size)
            if state != self._read[0]:
                self._read = (state, _read_entries(self.path))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidRequest(f"{shown(self.path)} cannot be read: {error.strerror}.") from None
        return self._read[1]

    def add(self, name: str) -> str:
        """Create a key and return it; the file keeps only its hash.

        Raises:
            InvalidRequest: the file has too many keys.
            OutputError: the file cannot be written.
        """
        key_id, salt = secrets.token_hex(4), secrets.token_hex(16)
        key = f"me-{key_id}-{secrets.token_urlsafe(32)}"
        with self._change() as keys:
            if len(keys) >= _MOST_KEYS:
                raise InvalidRequest(
                    f"{shown(self.path)} has {len(keys)} keys, which is the limit. Revoke some."
                )
            keys[key_id] = StoredKey(key_id, name, salt, _hash(salt, key), int(self._now()))
        return key

    def revoke(self, key_id: str) -> StoredKey:
        """Revoke a key.

        Raises:
            InvalidRequest: the id is unknown.
        """
        with self._change() as keys:
            if key_id not in keys:
                raise InvalidRequest(f"Unknown key {describe(key_id)}; `multiedit keys list` shows the ids.")
            return keys.pop(key_id)

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[str, StoredKey]]:
        """Yield the keys, and write them back; another process waits until that is done."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"Cannot create {shown(self.path.parent)}: {error.strerror}.") from error
        lock = FileLock(f"{self.path}.lock", timeout=_LOCK_SECONDS, mode=0o600)
        try:
            with lock:
                keys = dict(self.keys())
                yield keys
                text = json.dumps({"keys": [asdict(key) for key in keys.values()]}, indent=1)
                write_atomically(self.path, text.encode(), mode=0o600)
        except Timeout:
            raise OutputError(
                f"{shown(lock.lock_file)} is held by another program for more than {_LOCK_SECONDS:g} s. "
                "Try again."
            ) from None
        except OSError as error:
            raise OutputError(f"{shown(lock.lock_file)} cannot be locked: {error.strerror}.") from error

    def find(self, key: str) -> str | None:
        """Return the id of a key, or None if it is not valid."""
        shape = _KEY.fullmatch(key)
        stored = self.keys().get(shape[1]) if shape else None
        if stored is None or not hmac.compare_digest(stored.hash, _hash(stored.salt, key)):
            return None
        return stored.id


def _read_entries(path: Path) -> dict[str, StoredKey]:
    """Raises InvalidRequest, naming the first damaged entry."""
    where = "it"
    try:
        entries = read_json(path.read_bytes())["keys"]
        keys: dict[str, StoredKey] = {}
        for number, entry in enumerate(entries, start=1):
            where = f"entry {number}"
            key = StoredKey(**entry)
            if not all(isinstance(value, str) for value in (key.id, key.name, key.hash)):
                raise ValueError("a text is of another type")
            for text in (key.salt, key.hash):
                bytes.fromhex(text)
            if type(key.created) is not int or not 0 <= key.created < _LATEST:
                raise ValueError("no date")
            keys[key.id] = key
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidRequest(
            f"{shown(path)} is not a valid key file: {where} is damaged. Correct it, or delete it and add "
            "keys."
        ) from None
    return keys
