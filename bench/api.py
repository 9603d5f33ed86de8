"""The HTTP API: `multiedit serve` in a process of its own, on this machine's two ends of a socket.

    <python> bench/api.py [REQUESTS]

The floor is the same decode, composite and encode in a bare loop without a server. Memory is the server's
own, over what it has when idle. The last part sends REQUESTS (10000) small edits, a twentieth of them bad.
"""

from __future__ import annotations

import asyncio
import collections
import http.client
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from statistics import quantiles
from typing import Any

from support import Figure, load_package, machine, print_table

KEY = "bench"
FIELDS: dict[str, Any] = {"prompt": "p", "modelId": "layer-composite", "safe_mode": False}
SETTINGS = {
    "MULTIEDIT_API_KEYS": KEY,
    "MULTIEDIT_REQUESTS_PER_MINUTE": "1000000",
    "MULTIEDIT_FAILURES": "1000000",
    "OMP_NUM_THREADS": "2",
}
UPLOADS, UPLOAD_SIDE = 64, 2600  # noise of 2600 x 2600 is a PNG of 20 MB
MEMORY_BAR, HEALTH_BAR, THROUGHPUT_BAR = 600.0, 50.0, 0.85


def make_image(size: tuple[int, int], seed: int, kind: str = "jpeg") -> bytes:
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    coarse = Image.fromarray(noise[::16, ::16]).resize(size, Image.Resampling.BICUBIC)
    buffer = BytesIO()
    (Image.fromarray(noise) if kind == "png" else coarse).save(buffer, kind)
    return buffer.getvalue()


def floor(images: list[bytes], rounds: int) -> float:
    """Edits a second of a bare loop."""
    from multiedit.pipelines.adapters.composite import CompositeAdapter
    from multiedit.pipelines.catalog.lookup import load_catalog
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.images.encode import EncodeOptions, encode
    from multiedit.pipelines.images.input_image import ImageFile
    from multiedit.pipelines.planning.plan import make_plan
    from multiedit.pipelines.planning.request import parse_request
    from multiedit.pipelines.sources.source import BytesSource

    limits = Limits()
    adapter = CompositeAdapter(limits)
    request = parse_request({**FIELDS, "images": [BytesSource(data) for data in images]}, limits)

    def edit() -> None:
        read = [ImageFile(data, limits, "image") for data in images]
        facts = [each.facts(number > 0) for number, each in enumerate(read)]
        plan = make_plan(request, facts, load_catalog(), {"layer-composite": "layer-composite"})
        encode(adapter.run(plan, read, lambda share: None).image[0], EncodeOptions("png"), {})

    edit()
    started = time.perf_counter()
    for _ in range(rounds):
        edit()
    return rounds / (time.perf_counter() - started)


class Process:
    """The server's process: its address, memory and open files."""

    def __init__(self, number: int, address: str) -> None:
        self.address = address
        self._folder = Path(f"/proc/{number}")

    def megabytes(self, name: str) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024

    def forget_peak(self) -> None:
        (self._folder / "clear_refs").write_text("5")

    def files(self) -> int:
        return len(list((self._folder / "fd").iterdir()))


@contextmanager
def server() -> Iterator[Process]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **SETTINGS, "MULTIEDIT_KEYS_FILE": f"{folder}/keys.json"}
        command = [sys.executable, __file__, "--serve"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            line = next(iter(process.stdout or ()))
            try:
                yield Process(process.pid, line.split("listens at ")[1].split("/api")[0])
            finally:
                process.terminate()


@contextmanager
def watching(address: str) -> Iterator[list[float]]:
    """Seconds of each /v1/health meanwhile, from a separate process; filled at the end."""
    seconds: list[float] = []
    command = [sys.executable, __file__, "--watch", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield seconds
        seconds += json.loads(process.communicate("")[0])


def watch(address: str) -> None:
    """Ask for /v1/health every 20 ms until standard input ends, then print the seconds that each took."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    seconds = []
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        started = time.perf_counter()
        connection.request("GET", "/v1/health")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))


Send = Callable[[int], Awaitable[int]]


async def repeat(send: Send, count: int, at_once: int) -> tuple[collections.Counter[int], list[float], float]:
    """Statuses, seconds of each, and seconds in all."""
    statuses: collections.Counter[int] = collections.Counter()
    seconds: list[float] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            started = time.perf_counter()
            statuses[await send(number)] += 1
            seconds.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return statuses, seconds, time.perf_counter() - started


def percentile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


async def measure(process: Process, images: list[bytes], slowest: float, count: int) -> None:
    import aiohttp

    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(
        process.address, headers=headers, connector=connector, timeout=timeout
    ) as session:
        await throughput(session, images, slowest)
        await uploads(session, process)
        await endurance(session, process, count)


async def post(session: Any, path: str, **sent: Any) -> int:
    async with session.post(path, **sent) as response:
        await response.read()
        return int(response.status)


def form(images: list[bytes], fields: dict[str, Any]) -> Any:
    import aiohttp

    data = aiohttp.FormData()
    for name, value in fields.items():
        data.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for content in images:
        data.add_field("images", content, filename="a", content_type="image/png")
    return data


async def throughput(session: Any, images: list[bytes], slowest: float) -> None:
    async def send(_: int) -> int:
        return await post(session, "/v1/image/multi-edit", data=form(images, FIELDS))

    await repeat(send, 4, 2)
    figures = [Figure("floor, edits a second", slowest)]
    for at_once in (1, 8, 64):
        statuses, seconds, total = await repeat(send, max(40, at_once * 2), at_once)
        rate = sum(statuses.values()) / total
        bar = 1 / THROUGHPUT_BAR if at_once == 8 else None
        note = f"{rate:.2f}/s, p50 {percentile(seconds, 50):.0f} ms, p99 {percentile(seconds, 99):.0f} ms"
        lost = "" if set(statuses) == {200} else f", STATUSES {dict(statuses)}"
        figures.append(Figure(f"floor / {at_once} at once", slowest / rate, bar, note=note + lost))
    print_table(f"two 1 MP JPEG to a 1K PNG, {machine()}", figures)


async def uploads(session: Any, process: Process) -> None:
    large = make_image((UPLOAD_SIDE, UPLOAD_SIDE), 1, "png")

    async def send(_: int) -> int:
        return await post(session, "/v1/image/multi-edit", data=form([large], FIELDS))

    idle = process.megabytes("VmRSS")
    with watching(process.address) as resting:
        await asyncio.sleep(3)
    process.forget_peak()
    with watching(process.address) as health:
        statuses, _, total = await repeat(send, UPLOADS, UPLOADS)
    note = f"in {total:.0f} s, statuses {dict(statuses)}"
    peak = process.megabytes("VmHWM") - idle
    print_table(
        f"{UPLOADS} uploads of {len(large) / 1e6:.0f} MB at once",
        [
            Figure("peak memory over idle", peak, MEMORY_BAR, " MB", note),
            Figure("p99 of /v1/health", percentile(health, 99), HEALTH_BAR, " ms", f"{len(health)} of them"),
            Figure("the same without other requests", percentile(resting, 99), None, " ms"),
        ],
    )


async def endurance(session: Any, process: Process, count: int) -> None:
    small = make_image((304, 240), 2)
    fields = {**FIELDS, "multiedit": {"keep_size": True}}
    bad: list[Callable[[], dict[str, Any]]] = [
        lambda: {"data": b"{"},
        lambda: {"json": {**fields, "images": ["***"]}},
        lambda: {"data": form([b"not an image"], fields)},
        lambda: {"data": form([small], {**fields, "model": "x"})},
    ]

    async def send(number: int) -> int:
        wrong = number % 20 == 0
        sent = bad[number // 20 % len(bad)]() if wrong else {"data": form([small], fields)}
        if "json" not in sent and not hasattr(sent["data"], "add_field"):
            sent["headers"] = {"Content-Type": "application/json"}
        status = await post(session, "/v1/image/multi-edit", **sent)
        return status if (status == 400) is wrong else -status

    await repeat(send, 200, 8)
    memory, files = process.megabytes("VmRSS"), process.files()
    statuses, seconds, total = await repeat(send, count, 8)
    await asyncio.sleep(1)
    unexpected = sum(number for status, number in statuses.items() if status not in (200, 400))
    print_table(
        f"{count} requests, a twentieth of them bad: {count / total:.0f} a second",
        [
            Figure("lost or unexpected responses", unexpected, 0, note=str(dict(statuses))),
            Figure("memory gained", process.megabytes("VmRSS") - memory, 30, " MB"),
            Figure("files left open", process.files() - files, 0),
            Figure("p99", percentile(seconds, 99), None, " ms"),
        ],
    )


def main() -> None:
    if "--watch" in sys.argv:
        watch(sys.argv[-1])
        return
    load_package()
    if "--serve" in sys.argv:
        from multiedit.cli.main import main as command

        raise SystemExit(command(["serve", "--port", "0"]))
    images = [make_image((1024, 1024), seed) for seed in (1, 2)]
    slowest = floor(images, 20)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with server() as process:
        asyncio.run(measure(process, images, slowest, count))


if __name__ == "__main__":
    main()
