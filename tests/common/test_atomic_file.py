from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from multiedit.pipelines.common.atomic_file import is_stream, write_atomically
from multiedit.pipelines.common.errors import OutputError

needs_links = pytest.mark.skipif(
    os.name != "posix", reason="needs symbolic links, which Windows keeps for a few"
)


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    for data in (b"first", b"second, longer"):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_atomically(tmp_path / "out.png", b"data")
    assert (tmp_path / "out.png").stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    "interruption", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_crash_in_the_middle_leaves_the_old_file_and_nothing_else(
    step, interruption, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise interruption

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere does not exist\. Create it"):
        write_atomically(tmp_path / "nowhere" / "out.png", b"data")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "out.png"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"it is a folder\. Name a file in it"):
        write_atomically(folder, b"data")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "out.png"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match=r"is a device or a pipe, not a file\. Name another output"):
        write_atomically(pipe, b"data")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@needs_links
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("links", [1, 3])
def test_a_symbolic_link_is_written_through_and_stays(
    tmp_path: Path, elsewhere: Path, there: bool, links: int
) -> None:
    target = elsewhere / "target.png"
    if there:
        target.write_bytes(b"old")
    names = [tmp_path / f"link{number}" for number in range(links)]
    names[0].symlink_to(Path("elsewhere") / "target.png")
    for name, to in zip(names[1:], names, strict=False):
        name.symlink_to(to.name)
    write_atomically(names[-1], b"new")
    assert target.read_bytes() == b"new"
    assert all(name.is_symlink() for name in names)
    assert list(elsewhere.iterdir()) == [target]
    assert sorted(tmp_path.iterdir()) == sorted([elsewhere, *names])


@needs_links
def test_a_crash_behind_a_link_leaves_the_old_file(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(elsewhere / "target")
    monkeypatch.setattr(os, "replace", lambda *_: os.stat(tmp_path / "nothing"))
    with pytest.raises(OutputError, match="link cannot be written"):
        write_atomically(tmp_path / "link", b"new")
    assert (elsewhere / "target").read_bytes() == b"old"
    assert list(elsewhere.iterdir()) == [elsewhere / "target"]


@needs_links
@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("link", "is a symbolic link that leads to itself"),
        ("nowhere/out.png", r"nowhere does not exist\. Create it"),
        ("elsewhere", r"it is a folder\. Name a file in it"),
        ("/dev/null", "is a device or a pipe"),
    ],
)
def test_a_link_to_where_no_file_can_be_says_so_and_stays(
    tmp_path: Path, elsewhere: Path, to: str, says: str
) -> None:
    link = tmp_path / "link"
    link.symlink_to(to)
    with pytest.raises(OutputError, match=says):
        write_atomically(link, b"data")
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [elsewhere, link]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_streams_and_files_are_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [is_stream(path) for path in (tmp_path / "pipe", "/dev/null")] == [True, True]
    assert [is_stream(path) for path in (tmp_path, tmp_path / "none", __file__, "a\0b")] == [False] * 4


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file is not a folder\. Name another output"):
        write_atomically(tmp_path / "file" / "out.png", b"data")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "does not let this user write. Name another output"),
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EROFS, "is read-only"),
        (errno.EIO, r"Input/output error\. Name another output"),
    ],
)
def test_what_the_system_says_becomes_a_next_step(number, message, tmp_path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=message):
        write_atomically(tmp_path / "out.png", b"data")
    assert list(tmp_path.iterdir()) == []
