"""The loader: every kind of source, at the same time, under its own name."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import FetchFailed, FileTooLarge, InvalidImage, MultiEditError
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.sources.source import (
    BytesSource,
    FileSource,
    ImageSource,
    SourceLoader,
    TextSource,
)

LIMITS = Limits(max_file_bytes=1000)


async def no_fetch(url: str, name: str) -> bytes:
    raise AssertionError(f"{name} is no URL: {url}")


def load_all(*sources: ImageSource, fetch=no_fetch) -> list[bytes]:
    return asyncio.run(SourceLoader(LIMITS, fetch).load_all(sources))


def test_every_kind_is_loaded_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"file")

    async def fetch(url: str, name: str) -> bytes:
        return f"{url} {name}".encode()

    assert load_all(
        FileSource(path),
        TextSource(base64.b64encode(b"text").decode()),
        TextSource("data:image/png;base64,ZGF0YQ=="),
        TextSource("HTTPS://host/a.png"),
        BytesSource(b"bytes"),
        fetch=fetch,
    ) == [b"file", b"text", b"data", b"HTTPS://host/a.png image 4", b"bytes"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (BytesSource(b""), InvalidImage),
        (TextSource(""), InvalidImage),
        (TextSource(" \n"), InvalidImage),
        (TextSource("data:image/png;base64,"), InvalidImage),
        (TextSource("data:,"), InvalidImage),
        (FileSource("/dev/null/none"), InvalidImage),
        (BytesSource(bytes(1000)), FileTooLarge),
    ],
)
def test_errors_name_the_picture_and_the_field(source: ImageSource, error: type[MultiEditError]) -> None:
    with pytest.raises(error, match=r"^image 2 ") as caught:
        load_all(BytesSource(b"fine"), source)
    assert caught.value.field == "images"


def test_an_empty_file_and_an_empty_answer_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()

    async def fetch(url: str, name: str) -> bytes:
        return b""

    for source in (FileSource(path), TextSource("http://host/")):
        with pytest.raises(InvalidImage, match=r"image 1 is empty \(0 bytes\)"):
            load_all(source, fetch=fetch)


def test_pictures_are_loaded_at_the_same_time() -> None:
    async def run() -> list[bytes]:
        everyone = asyncio.Event()
        waiting = 0

        async def fetch(url: str, name: str) -> bytes:
            nonlocal waiting
            waiting += 1
            if waiting == 3:
                everyone.set()
            await asyncio.wait_for(everyone.wait(), 5)
            return name.encode()

        sources = [TextSource("http://host/")] * 3
        return await SourceLoader(LIMITS, fetch).load_all(sources)

    assert asyncio.run(run()) == [b"image 1", b"image 2", b"image 3"]


def test_of_several_errors_the_first_pictures_is_raised() -> None:
    async def fetch(url: str, name: str) -> bytes:
        await asyncio.sleep(0.02 if name == "image 2" else 0)
        raise FetchFailed(f"{name} failed")

    for _ in range(3):
        with pytest.raises(FetchFailed, match="image 2 failed"):
            load_all(BytesSource(b"fine"), *[TextSource("http://host/")] * 3, fetch=fetch)


def test_a_cancelled_load_cancels_its_fetches() -> None:
    async def run() -> list[str]:
        ended = []

        async def fetch(url: str, name: str) -> bytes:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(name)
            return b""

        load = SourceLoader(LIMITS, fetch).load_all([TextSource("http://host/")] * 2)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(load, 0.05)
        return sorted(ended)

    assert asyncio.run(run()) == ["image 1", "image 2"]


def test_a_representation_shows_no_picture() -> None:
    assert repr(BytesSource(b"secret")) == "BytesSource()"
    assert repr(TextSource("http://host/?key=secret")) == "TextSource()"
