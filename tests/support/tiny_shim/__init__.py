"""A custom node for tests: tiny files load, work is counted, and phases can be slow or run out of memory.

GET /tiny/counts says how often each phase ran since the start or the last POST /tiny/reset, which also ends
what the two others asked for. POST /tiny/out_of_memory {"phase", "times"} has the next calls of a phase fail
as on a full card; POST /tiny/slow {"phase", "seconds"} has every call of it last.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from server import PromptServer

from .phases import Phases
from .widths import read_widths_from_files

NODE_CLASS_MAPPINGS: dict[str, Any] = {}

phases = Phases()
read_widths_from_files()
phases.watch()  # last, so that the time a loader takes is all within what is counted
routes = PromptServer.instance.routes


@routes.get("/tiny/counts")
async def counts(request: web.Request) -> web.Response:
    return web.json_response(phases.counts)


@routes.post("/tiny/reset")
async def reset(request: web.Request) -> web.Response:
    phases.reset()
    return web.json_response({})


@routes.post("/tiny/out_of_memory")
async def out_of_memory(request: web.Request) -> web.Response:
    asked = await request.json()
    phases.failures[phases.known(asked["phase"])] = asked["times"]
    return web.json_response({})


@routes.post("/tiny/slow")
async def slow(request: web.Request) -> web.Response:
    asked = await request.json()
    phases.seconds[phases.known(asked["phase"])] = asked["seconds"]
    return web.json_response({})
