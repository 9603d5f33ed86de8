"""What the user of this machine names: paths, file URLs, other URLs and data URLs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import FetchRefused
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.sources.files import read_file
from multiedit.pipelines.sources.local import local_source
from multiedit.pipelines.sources.source import FileSource, TextSource


@pytest.mark.parametrize(
    "text", ["http://host/a.png", "HTTPS://host/a", " http://host", "data:image/png;base64,AAAA", "DATA:,a"]
)
def test_urls_and_data_urls_are_text(text: str) -> None:
    assert local_source(text, "image 1") == TextSource(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.png", "folder/a.png"),
        ("../a.png", "folder/../a.png"),
        ("/a.png", "/a.png"),
        ("12:30.png", "folder/12:30.png"),
        ("note:a.png", "folder/note:a.png"),
        ("file.png", "folder/file.png"),
        ("100%25.png", "folder/100%25.png"),
        ("httpx/a.png", "folder/httpx/a.png"),
    ],
)
def test_all_else_is_a_path_as_it_stands(text: str, path: str) -> None:
    assert local_source(text, "image 1", "folder") == FileSource(Path(path))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///home/me/a.png", "/home/me/a.png"),
        ("FILE:///a.png", "/a.png"),
        ("file:/a.png", "/a.png"),
        ("file://localhost/a.png", "/a.png"),
        ("file:///a%20b%2525.png", "/a b%25.png"),
        ("file:///a b.png", "/a b.png"),
        ("file:///%C3%A9\u00e9", "/\u00e9\u00e9"),
        ("file:///a#1?2.png", "/a#1?2.png"),
        ("file:///%", "/%"),
        ("file:///a+b.png", "/a+b.png"),
        ("file:///C:/a.png", "/C:/a.png"),
    ],
)
def test_a_file_url_is_the_path_it_encodes(url: str, path: str) -> None:
    assert local_source(url, "image 1", "folder", windows=False) == FileSource(path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/a%20b.png", "C:/a b.png"),
        ("file:///c|/a.png", "c:/a.png"),
        ("file:///C%3A/a.png", "C:/a.png"),
        ("file:/D:/a.png", "D:/a.png"),
        ("file:///CD:/a.png", "/CD:/a.png"),
    ],
)
def test_on_windows_a_file_url_may_begin_with_a_drive(url: str, path: str) -> None:
    assert local_source(url, "image 1", windows=True) == FileSource(path)


@pytest.mark.parametrize("path", ["C:/a.png", "C:\\a.png", "C://a.png"])
def test_a_drive_is_no_scheme(path: str) -> None:
    assert local_source(path, "image 1") == FileSource(Path(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://host/a.png", "image 2 is a URL of the scheme ftp:. Give a path, a file:///"),
        ("S3://bucket/key", "scheme S3:"),
        ("blob:https://host/1", "scheme blob:"),
        ("file://host/share/a.png", "without an absolute path on this machine. Write it as file:///PATH"),
        ("file:a.png", "without an absolute path"),
        ("file://", "without an absolute path"),
        ("file:", "without an absolute path"),
    ],
)
def test_other_urls_are_refused_with_what_to_give(text: str, says: str) -> None:
    with pytest.raises(FetchRefused) as caught:
        local_source(text, "image 2")
    assert says in caught.value.message


def test_a_file_is_read_by_its_url(tmp_path: Path) -> None:
    (tmp_path / "a b\u00e9#.png").write_bytes(b"picture")
    source = local_source((tmp_path / "a b\u00e9#.png").as_uri(), "image 1")
    assert isinstance(source, FileSource)
    assert read_file(source.path, Limits(), "image 1") == b"picture"


@given(st.sampled_from(["", "file:", "file://", "file:///", "ftp:", "C:"]), st.text(max_size=40))
def test_any_text_gives_a_source_or_an_error_of_the_tree(head: str, rest: str) -> None:
    with suppress(FetchRefused):
        assert isinstance(local_source(head + rest, "image 1"), (FileSource, TextSource))
