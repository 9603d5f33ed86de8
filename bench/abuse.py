"""One key, and strangers without one, against `multiedit serve`: what do all others notice?

    <python> bench/abuse.py [--attack NAME ...] [--seconds 15]

Everything stays on this machine's loopback. Each attack lasts some seconds, from a thread of the lowest
priority; meanwhile a process of its own asks for /v1/health, and another key makes small edits, before and
after it too. The memory of all edits together is bounded to 500 MB (MULTIEDIT_MEMORY_BYTES), and to 800 MB
for images of 33 MP; the soft limit of open files is 1024, and requests per minute are not limited.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import http.client
import json
import os
import random
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from abusive_files import DAMAGED, FILES, LARGEST, SMALL, Size
from support import Figure, load_package, machine, print_table

from api import FIELDS, Process, form, make_image, watching

ATTACKER, OTHER = "attacker", "other"
SETTINGS = {
    "MULTIEDIT_API_KEYS": f"{ATTACKER},{OTHER}",
    "MULTIEDIT_REQUESTS_PER_MINUTE": "1000000",
    "MULTIEDIT_FAILURES": "1000000",
    "MULTIEDIT_FETCH_ALLOWED_HOSTS": "127.0.0.1",
}
EDIT = "/v1/image/multi-edit"
FILES_ALLOWED = 1024
BUDGET, LARGE_BUDGET = 500_000_000, 800_000_000  # bytes
HEALTH_BAR, MEMORY_BAR, LOG_BAR, FACTOR_BAR = 1.0, 600.0, 1.0, 2.0
PAUSE = 0.3  # seconds between two edits of the other key
REFUSED = 99.0  # seconds that a refused one counts as
LONGEST = 60  # seconds that an attack goes on until one of its images was edited


@dataclass
class Target:
    """The server under attack.

    Attributes:
        statuses: of what the attackers sent and got a response to.
        wrong: responses of 500 and above that are no 503 with Retry-After.
        silent: the port of a host that accepts connections and never says anything.
    """

    host: str
    port: int
    session: Any = None
    silent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def send(
        self, method: str = "POST", path: str = EDIT, key: str | None = ATTACKER, **sent: Any
    ) -> int:
        import aiohttp

        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **sent.pop("headers", {})}
        try:
            async with self.session.request(method, path, headers=headers, **sent) as response:
                body = await response.read()
        except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError):
            self.statuses[0] += 1
            return 0
        self.statuses[response.status] += 1
        busy = response.status == 503 and "Retry-After" in response.headers
        if response.status >= 500 and not busy:
            self.wrong.append(f"{response.status} {body[:80]!r}")
        return int(response.status)

    async def open(self, text: str) -> asyncio.StreamWriter | None:
        """Send something as it stands, and keep the connection."""
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(text.encode())
            return writer
        return None


Attack = Callable[[Target], Awaitable[None]]


async def half_requests(target: Target) -> None:
    await _hold(target, [f"POST {EDIT} HTTP/1.1\r\nHost: x\r\n"] * 1200)


async def trickling_uploads(target: Target) -> None:
    head = f"POST {EDIT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ATTACKER}\r\n"
    await _hold(
        target, [f"{head}Content-Type: application/json\r\nContent-Length: 99999\r\n\r\n{{"] * 66, b" "
    )


async def _hold(target: Target, texts: list[str], more: bytes = b"") -> None:
    writers = await asyncio.gather(*map(target.open, texts))
    try:
        while True:
            await asyncio.sleep(1)
            for writer in writers:
                if more and writer and not writer.is_closing():
                    writer.write(more)
    finally:
        for writer in writers:
            if writer:
                writer.close()


def large_json(part: str) -> Attack:
    body = ('{"prompt":"' if part.startswith("\\") else '{"x":[') + part * (34_000_000 // len(part))

    async def attack(target: Target) -> None:
        headers = {"Content-Type": "application/json"}
        while True:
            await asyncio.gather(*(target.send(data=body.encode(), headers=headers) for _ in range(3)))

    return attack


def urls(make: Callable[[Target, int], str], at_once: int) -> Attack:
    async def attack(target: Target) -> None:
        async def one(number: int) -> None:
            while True:
                await target.send(json={**FIELDS, "images": [make(target, number)] * 3})
                await asyncio.sleep(0.05)

        await asyncio.gather(*map(one, range(at_once)))

    return attack


def images(name: str, size: Size, count: int) -> Attack:
    async def attack(target: Target) -> None:
        data = FILES[name](size)

        async def one() -> None:
            while True:
                await target.send(data=form([data] * count, {**FIELDS, "resolution": "1K"}))

        await asyncio.gather(*(one() for _ in range(4)))

    return attack


async def asynchronous_edits(target: Target) -> None:
    image = make_image((700, 700), 1, "png")
    while True:
        await target.send(data=form([image], FIELDS), headers={"Prefer": "respond-async"})
        await asyncio.sleep(0.2)


async def wrong_keys(target: Target) -> None:
    while True:
        await asyncio.gather(*(target.send(key=f"me-{number:08x}-{'x' * 43}") for number in range(20)))


async def unknown_routes(target: Target) -> None:
    while True:
        for number in range(10):
            await target.send("GET", f"/v1/{'x' * number}", key=None)
            await target.send("DELETE", EDIT, key=None)
        writer = await target.open("NONSENSE\x00\r\n\r\n" + "x" * 5000)
        await asyncio.sleep(0.1)
        if writer:
            writer.close()


ATTACKS: dict[str, Attack] = {
    "half-sent requests": half_requests,
    "trickling uploads": trickling_uploads,
    "JSON of quotes": large_json('\\"'),
    "JSON of brackets": large_json("[],"),
    "JSON of objects": large_json('{"a":0},'),
    "slow picture hosts": urls(lambda target, _: f"http://127.0.0.1:{target.silent}/a.png", 8),
    "unknown names": urls(lambda _, number: f"http://{number}-{random.random()}.invalid/a.png", 18),
    **{name: images(name, SMALL, 3) for name in FILES},
    **{f"{name} of 33 MP": images(name, LARGEST, 1) for name in FILES},
    "asynchronous edits": asynchronous_edits,
    "wrong keys": wrong_keys,
    "unknown routes": unknown_routes,
}
LARGE = tuple(f"{name} of 33 MP" for name in FILES)
DECODED = {*FILES, *LARGE} - {*DAMAGED, *(f"{name} of 33 MP" for name in DAMAGED)}  # some of them are edited


@contextlib.contextmanager
def serving(log: Path, budget: int) -> Iterator[Process]:
    own = {"MULTIEDIT_KEYS_FILE": str(log.parent / "keys.json"), "MULTIEDIT_MEMORY_BYTES": str(budget)}
    environment = {**os.environ, **SETTINGS, **own}
    command = [sys.executable, str(Path(__file__).with_name("api.py")), "--serve"]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_ALLOWED, hard))  # noqa: E731
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=limit
        ) as process,
    ):
        line = next(iter(process.stdout or ()))
        try:
            yield Process(process.pid, line.split("listens at ")[1].split("/api")[0])
        finally:
            process.terminate()


@contextlib.contextmanager
def editing(address: str) -> Iterator[list[float]]:
    """Seconds of each edit of the other key meanwhile, from a separate process; filled at the end."""
    seconds: list[float] = []
    command = [sys.executable, __file__, "--edit", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield seconds
        seconds += json.loads(process.communicate("")[0])


def edit_repeatedly(address: str) -> None:
    """Edit until standard input ends, three times at least, then print the seconds that each took."""
    image = base64.b64encode(make_image((512, 512), 3)).decode()
    headers = {"Authorization": f"Bearer {OTHER}", "Content-Type": "application/json"}
    body, seconds = json.dumps({**FIELDS, "images": [image]}), list[float]()
    while not select.select([sys.stdin], [], [], PAUSE)[0] or len(seconds) < 3:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        started = time.perf_counter()
        connection.request("POST", EDIT, body, headers)
        response = connection.getresponse()
        response.read()
        seconds.append(time.perf_counter() - started if response.status == 200 else REFUSED)
        connection.close()
    print(json.dumps(seconds))


def attacked(target: Target, name: str, seconds: float) -> None:
    """Attack from a thread of the lowest priority: its own work would be another machine's."""

    def run() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        asyncio.run(_attack_for(target, ATTACKS[name], seconds, edited=name in DECODED))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def _attack_for(target: Target, attack: Attack, seconds: float, *, edited: bool) -> None:
    import aiohttp

    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    target.silent = silent.sockets[0].getsockname()[1]
    timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=0)
    address = f"http://{target.host}:{target.port}"
    async with aiohttp.ClientSession(address, timeout=timeout, connector=connector) as target.session:
        task = asyncio.ensure_future(attack(target))
        await asyncio.wait([task], timeout=seconds)
        for _ in range(LONGEST * 10 if edited else 0):  # one of them at least, however busy the machine is
            if target.statuses[200]:
                break
            await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def measure(process: Process, log: Path, names: list[str], seconds: float) -> None:
    host, _, port = process.address.removeprefix("http://").rpartition(":")
    target = Target(host, int(port))
    with editing(process.address):
        time.sleep(seconds / 2)
    idle = process.megabytes("VmRSS")
    figures: list[Figure] = []
    for name in names:
        with editing(process.address) as quiet_before:
            time.sleep(seconds / 3)
        target.statuses.clear()
        process.forget_peak()
        with watching(process.address) as health, editing(process.address) as taken:
            attacked(target, name, seconds)
        peak = process.megabytes("VmHWM") - idle
        with editing(process.address) as quiet_after:  # other programs come and go
            time.sleep(seconds / 3)
        quiet, others = statistics.median(quiet_before + quiet_after), statistics.median(taken)
        figures += [
            Figure(f"{name}: worst health", max(health), HEALTH_BAR, " s",
                   f"attackers got {dict(target.statuses)}"),
            Figure("  peak memory over idle", peak, MEMORY_BAR, " MB"),
            Figure("  others, of their quiet time", others / quiet, FACTOR_BAR,
                   note=f"{quiet:.2f} s, now {others:.2f}, at worst {max(taken):.2f}"),
        ]  # fmt: skip
        if name in DECODED:
            figures.append(Figure("  without one that was edited", int(not target.statuses[200]), 0))
    figures.append(Figure("log", log.stat().st_size / 1e6, LOG_BAR, " MB"))
    figures.append(Figure("5xx but 503 with Retry-After", len(target.wrong), 0, note=str(target.wrong[:3])))
    print_table(f"{len(names)} attacks of {seconds:g} s each, {machine()}", figures)


def main() -> None:
    parser = argparse.ArgumentParser(description="Attack a server of its own.")
    parser.add_argument("--attack", action="append", choices=list(ATTACKS))
    parser.add_argument("--edit", help=argparse.SUPPRESS)  # what the other key's process does
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    load_package()
    if options.edit:
        edit_repeatedly(options.edit)
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        names = options.attack or list(ATTACKS)
        for budget in (BUDGET, LARGE_BUDGET):
            chosen = [name for name in names if (name in LARGE) == (budget == LARGE_BUDGET)]
            if chosen:
                with serving(log, budget) as process:
                    measure(process, log, chosen, options.seconds)


if __name__ == "__main__":
    main()
