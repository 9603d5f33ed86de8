"""The routes of the stage on ComfyUI's own server: pictures of input files, and composites of them.

They show what ComfyUI's own /view shows, to the same people. One thread computes, on the CPU; of several
composites for one stage only the newest is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.catalog.model import AUTO
from ..pipelines.common.errors import InvalidRequest, MultiEditError
from ..pipelines.common.json_reader import read_json
from ..pipelines.common.settings import Limits
from ..pipelines.common.types import Size
from ..pipelines.common.validation import integer, text
from ..pipelines.editing.stage_preview import FindFile, StagePreview, read_document
from ..pipelines.layers.extension import SIDES, extend_fields, read_extend, resolve_extension
from ..pipelines.planning.size import resolve_size

PREFIX = "/multi-edit/stage"
_LARGEST_BODY = 65_536
_LONGEST_ID = 200
_MOST_STAGES = 200  # whose newest composite is remembered
_CHOICES, _SIDES = ("aspect_ratio", "resolution"), ("width", "height")
_SIZE_FIELDS = ("model", *_CHOICES)
_Result = TypeVar("_Result")


class StageRoutes:
    """The handlers.

    Args:
        find_file: the file that a name of ComfyUI's input folder means, or None.
    """

    def __init__(self, find_file: FindFile, limits: Limits) -> None:
        self._limits = limits
        self._preview = StagePreview(find_file, limits)
        self._worker = ThreadPoolExecutor(1, "multi-edit stage")
        self._newest: dict[str, object] = {}

    def definitions(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}/picture", self.picture),
            web.get(f"{PREFIX}/size", self.size),
            web.get(f"{PREFIX}/extension", self.extension),
            web.post(f"{PREFIX}/compose", self.compose),
        ]

    async def size(self, request: web.Request) -> web.Response:
        """`?model=&aspect_ratio=&resolution=&width=&height=` of the base: [width, height] of the result."""
        try:
            given = {name: text(request.query.get(name), name, longest=_LONGEST_ID) for name in _SIZE_FIELDS}
            base = self._base(request)
            ratio, tier = (None if given[name] == AUTO else given[name] for name in _CHOICES)
            size = resolve_size(load_catalog().get(given["model"]), ratio, tier, base)
        except MultiEditError as error:
            return _error(error)
        return web.json_response([size.width, size.height])

    async def extension(self, request: web.Request) -> web.Response:
        """`?extend=&width=&height=` of the base: what is added on each side, in pixels, and the fill."""
        try:
            asked = text(request.query.get("extend"), "extend", longest=_LONGEST_ID)
            extend = read_extend(extend_fields(asked, "extend"), "extend")
            base = self._base(request)
            added = resolve_extension(extend, base, self._limits)
        except MultiEditError as error:
            return _error(error)
        return web.json_response({**{side: getattr(added, side) for side in SIDES}, "fill": added.fill})

    def _base(self, request: web.Request) -> Size:
        """The base's size in a query."""
        width, height = (
            integer(
                _whole(text(request.query.get(side), side, longest=_LONGEST_ID)),
                side,
                low=1,
                high=self._limits.max_side,
            )
            for side in _SIDES
        )
        return width, height

    async def picture(self, request: web.Request) -> web.Response:
        """`?name=`: a WebP, with `opaque` without transparency; `x-size` has the file's width and height."""
        name, opaque = request.query.get("name", ""), "opaque" in request.query
        try:
            data, size = await self._work(lambda: self._preview.picture(name, opaque))
        except MultiEditError as error:
            return _error(error)
        headers = {"x-size": f"{size[0]},{size[1]}", "Cache-Control": "no-store"}
        return web.Response(body=data, content_type="image/webp", headers=headers)

    async def compose(self, request: web.Request) -> web.Response:
        """A JSON document: a WebP; 204 where a newer one of the same stage has come meanwhile."""
        stage = request.query.get("stage", "")[:_LONGEST_ID]
        turn = self._newest[stage] = object()
        while len(self._newest) > _MOST_STAGES:
            del self._newest[next(iter(self._newest))]
        try:
            document = read_document(read_json(await _body(request)), self._limits)
            data = await self._work(
                lambda: self._preview.compose(document) if self._newest.get(stage) is turn else None
            )
        except ValueError as error:
            return _error(InvalidRequest(f"The body is not valid JSON ({error}). Correct it."))
        except MultiEditError as error:
            return _error(error)
        if data is None:
            return web.Response(status=204)
        return web.Response(body=data, content_type="image/webp", headers={"Cache-Control": "no-store"})

    async def _work(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


def _whole(value: str) -> int | str:
    return int(value) if value.isdecimal() else value


async def _body(request: web.Request) -> bytes:
    body = await request.content.read(_LARGEST_BODY + 1)
    while len(body) <= _LARGEST_BODY and (more := await request.content.read(_LARGEST_BODY + 1)):
        body += more
    if len(body) > _LARGEST_BODY:
        raise InvalidRequest(f"The body has more than {_LARGEST_BODY} bytes. Send fewer layers.")
    return body


def _error(error: MultiEditError) -> web.Response:
    """Say why nothing is shown, with 200: a browser writes any other status into its console as an error."""
    return web.json_response({"error": error.message})
