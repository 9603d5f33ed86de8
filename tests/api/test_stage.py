"""The routes of the stage, on a server of their own: what they answer, and that only the newest is made."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from multiedit.api.stage import StageRoutes
from multiedit.pipelines.common.settings import Limits
from PIL import Image

DOCUMENT = {"canvas": [300, 200], "layers": [{"name": "blue.png"}]}
Ask = Callable[[ClientSession, str], Awaitable[Any]]


def served(folder: Path, ask: Ask) -> Any:
    """What `ask` gives, with the routes on a server."""

    def find(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    async def run() -> Any:
        app = web.Application()
        app.add_routes(StageRoutes(find, Limits()).definitions())
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with ClientSession() as session:
            try:
                return await ask(session, f"http://127.0.0.1:{port}/multi-edit/stage")
            finally:
                await runner.cleanup()

    return asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (30, 20), "blue").save(tmp_path / "blue.png")
    return tmp_path


async def _answer(response: ClientResponse) -> tuple[int, bytes]:
    return response.status, await response.read()


def test_a_picture_comes_with_its_size(folder: Path) -> None:
    async def ask(session: ClientSession, address: str) -> Any:
        async with session.get(f"{address}/picture", params={"name": "blue.png"}) as response:
            return response.headers["x-size"], response.content_type, await response.read()

    size, kind, data = served(folder, ask)
    assert (size, kind) == ("30,20", "image/webp")
    assert Image.open(io.BytesIO(data)).size == (30, 20)


@pytest.mark.parametrize("name", ["", "no.png", "../blue.png"])
def test_a_name_without_a_file_is_refused(folder: Path, name: str) -> None:
    async def ask(session: ClientSession, address: str) -> Any:
        async with session.get(f"{address}/picture", params={"name": name}) as response:
            return await _answer(response)

    status, body = served(folder, ask)
    assert status == 200
    assert "not in the input folder" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, [1376, 774]),
        ({"aspect_ratio": "auto", "resolution": "auto"}, [600, 400]),
        ({"model": "none"}, None),
        ({"width": "-1"}, None),
        ({"height": ""}, None),
        ({"aspect_ratio": "7:77"}, None),
    ],
)
def test_the_size_of_a_result_is_the_plans(folder: Path, changes: dict[str, str], answer: object) -> None:
    given = {
        "model": "layer-composite",
        "aspect_ratio": "16:9",
        "resolution": "1K",
        "width": "600",
        "height": "400",
    }

    async def ask(session: ClientSession, address: str) -> Any:
        async with session.get(f"{address}/size", params={**given, **changes}) as response:
            return await _answer(response)

    status, body = served(folder, ask)
    size = json.loads(body)
    assert status == 200
    assert size == answer if answer else "error" in size


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be an object"),
        (json.dumps({**DOCUMENT, "canvas": [0, 0]}), "canvas"),
        (json.dumps({**DOCUMENT, "layers": [{"name": "no.png"}]}), "not in the input folder"),
        (" " * 70_000, "more than 65536 bytes"),
    ],
)
def test_a_bad_document_is_refused_with_the_reason(folder: Path, body: str, words: str) -> None:
    async def ask(session: ClientSession, address: str) -> Any:
        async with session.post(f"{address}/compose", data=body) as response:
            return await _answer(response)

    status, answer = served(folder, ask)
    assert status == 200
    assert words in json.loads(answer)["error"]


def test_of_several_composites_of_a_stage_only_the_newest_is_made(folder: Path) -> None:
    async def ask(session: ClientSession, address: str) -> Any:
        async def compose(stage: str) -> int:
            async with session.post(f"{address}/compose", params={"stage": stage}, json=DOCUMENT) as response:
                return (await _answer(response))[0]

        first = await compose("a")
        return first, await asyncio.gather(*(compose(stage) for stage in ["b", *["a"] * 8]))

    first, (other, *same) = served(folder, ask)
    assert (first, other, same[-1]) == (200, 200, 200)
    assert set(same) <= {200, 204}
    assert 204 in same
