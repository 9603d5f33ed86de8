"""The key file: its contents, and the commands that manage it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from multiedit.api.access.keys import KeyFile, default_path
from multiedit.cli.main import main
from multiedit.pipelines.common.errors import InvalidRequest


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "new" / "keys.json", now=lambda: 1_795_000_000)


def test_a_key_is_found_and_nothing_like_it(file: KeyFile) -> None:
    key, other = file.add("me"), file.add("you")
    ids = list(file.keys())
    assert [file.find(key), file.find(other)] == ids
    swapped = f"me-{ids[1]}-{key.split('-', 2)[2]}"
    assert [file.find(text) for text in (key[:-1], key + "x", swapped, "", "me-", "\udcff")] == [None] * 6


def test_the_file_holds_no_key(file: KeyFile) -> None:
    key = file.add("me")
    text = file.path.read_text()
    assert key.split("-", 2)[2] not in text
    assert os.name != "posix" or stat.S_IMODE(file.path.stat().st_mode) == 0o600
    [entry] = json.loads(text)["keys"]
    assert (entry["name"], entry["created"]) == ("me", 1_795_000_000)


def test_two_keys_have_two_salts(file: KeyFile) -> None:
    file.add("a")
    file.add("b")
    assert len({key.salt for key in file.keys().values()}) == 2


def test_a_damaged_file_is_an_error_and_no_open_door(file: KeyFile) -> None:
    file.add("me")
    [good] = json.loads(file.path.read_text())["keys"]
    damaged = [{**good, "salt": "no"}, {**good, "hash": None}, {**good, "id": 7}, {"id": "a"}, 3]
    second = [(json.dumps({"keys": [good, entry]}), "entry 2 is damaged") for entry in damaged]
    for text, what in [("", "it is damaged"), ("{", "it is"), ("[]", "it is"), *second]:
        file.path.write_text(text)
        with pytest.raises(InvalidRequest, match=f"not a valid key file: {what}"):
            file.find("me-00000000-aaaaaaaaaaaaaaaaaaaaaaaa")


def test_revoking_what_is_not_there(file: KeyFile) -> None:
    with pytest.raises(InvalidRequest, match="keys list"):
        file.revoke("00000000")


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"MULTIEDIT_KEYS_FILE": "/a/b.json", "XDG_CONFIG_HOME": "/c"}, "/a/b.json"),
        ({"XDG_CONFIG_HOME": "/c"}, "/c/multi-edit/keys.json"),
    ],
)
def test_where_the_file_is(environment: dict[str, str], path: str) -> None:
    assert default_path(environment) == Path(path)


@pytest.mark.parametrize("field", ["salt", "hash", "created", "name"])
@pytest.mark.parametrize("value", ["\u00e9", None, 10**400, -1, []])
def test_a_damaged_entry_is_named(file: KeyFile, field: str, value: object) -> None:
    key = file.add("a phone")
    document = json.loads(file.path.read_text())
    document["keys"][0][field] = value
    file.path.write_text(json.dumps(document))
    if (field, value) == ("name", "\u00e9"):
        assert KeyFile(file.path).find(key)
        return
    with pytest.raises(InvalidRequest, match="entry 1 is damaged"):
        KeyFile(file.path).find(key)


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MULTIEDIT_KEYS_FILE", str(tmp_path / "keys.json"))
    assert main(["keys", "add", "a phone"]) == 0
    key = capsys.readouterr().out.strip()
    file = KeyFile(tmp_path / "keys.json")
    key_id = file.find(key)
    assert main(["keys", "list"]) == 0
    assert capsys.readouterr().out == f"{key_id}  a phone\n"
    assert main(["keys", "list", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert set(listed) == {"id", "name", "created"}
    assert main(["keys", "revoke", str(key_id)]) == 0
    assert file.find(key) is None
    assert main(["keys", "revoke", str(key_id)]) == 2


def test_keys_that_are_added_and_revoked_at_once_are_all_there_or_gone(file: KeyFile) -> None:
    command = [sys.executable, "-m", "multiedit", "keys"]
    environment = {**os.environ, "MULTIEDIT_KEYS_FILE": str(file.path)}
    revoked = [file.add(f"old {number}").split("-")[1] for number in range(4)]
    tasks = [["add", f"new {number}"] for number in range(8)] + [["revoke", key] for key in revoked]
    running = [
        subprocess.Popen([*command, *task], env=environment, stdout=subprocess.DEVNULL) for task in tasks
    ]
    assert [process.wait() for process in running] == [0] * len(tasks)
    assert sorted(key.name for key in file.keys().values()) == [f"new {number}" for number in range(8)]
