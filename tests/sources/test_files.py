"""Files that are none, that are too large and that are as they should be."""

from __future__ import annotations

import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import FileTooLarge, InvalidImage
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.common.validation import shown
from multiedit.pipelines.sources.files import read_file

LIMITS = RequestLimits()


def test_a_file_is_read_whole_by_path_or_text_or_link(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert [read_file(each, LIMITS, "image 1") for each in (path, str(path), link)] == [b"picture"] * 3


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # a socket's path is short


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "does not exist"),
        (Path.mkdir, "is a directory"),
        (lambda path: os.mkfifo(path), "is a named pipe"),
        (bind_socket, "is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.symlink_to("/dev/stdin/nothing"), "does not exist"),
        (loop, "cannot be read"),
    ],
)
def test_no_regular_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(InvalidImage, match=says) as caught:
        read_file(path, LIMITS, "image 2")
    assert caught.value.message.startswith(f"image 2 ({shown(path)}) ")


@pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    path.chmod(0)
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(InvalidImage, match="may not be read"):
            read_file(path, LIMITS, "image 1")
    finally:
        os.seteuid(own)


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000, "a/" * 3000, "/etc/passwd/a.png"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InvalidImage):
        read_file(path, LIMITS, "image 1")


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_26_mb_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.png", 26_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FileTooLarge, match=r"image 3 is 26.0 MB \(26000000 bytes\).*25000000 bytes"):
            read_file(path, LIMITS, "image 3")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_the_limit_is_exact(tmp_path: Path) -> None:
    limits = Limits(max_file_bytes=3000)
    assert len(read_file(sparse(tmp_path / "a", 2999), limits, "image 1")) == 2999
    with pytest.raises(FileTooLarge):
        read_file(sparse(tmp_path / "b", 3000), limits, "image 1")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_a_file_that_grows_after_it_was_asked_is_refused(tmp_path: Path) -> None:
    # Files of /proc say that they are empty and are not.
    limits = Limits(max_file_bytes=10)
    with pytest.raises(FileTooLarge, match=r"at least 0.0 MB \(10 bytes\)"):
        read_file("/proc/self/status", limits, "image 1")
