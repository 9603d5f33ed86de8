"""The memory of a server over edits of mixed sizes: `multiedit serve`, and ComfyUI's port where there is one.

    <python> bench/flat_memory.py [EDITS]

After half of the edits and after all of them it may be little more than after a tenth, whatever an edit took
meanwhile: what grows with their number has no end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import Figure, load_package, machine, print_table

from api import FIELDS, KEY, SETTINGS, Process, form, make_image, post, repeat, server

SIDES = (256, 700, 1024, 1500, 2000, 2600)
MARKS = (0.1, 0.5, 1.0)  # of all edits
BAR = 1.15


async def measure(process: Process, count: int) -> list[Figure]:
    import aiohttp

    bases = [make_image((side, side), side) for side in SIDES]
    overlays = [make_image((side, side), side, "png") for side in SIDES[:3]]

    async def send(number: int) -> int:
        fields = {**FIELDS, "output_format": ("png", "jpeg")[number % 5 == 0]}
        images = [bases[number % len(bases)], overlays[number % len(overlays)]]
        return await post(session, "/v1/image/multi-edit", data=form(images, fields))

    idle, done, megabytes, figures = process.megabytes("VmRSS"), 0, list[float](), list[Figure]()
    headers, statuses = {"Authorization": f"Bearer {KEY}"}, Counter[int]()
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(process.address, headers=headers, timeout=timeout) as session:
        for mark in MARKS:
            found, _, _ = await repeat(send, round(mark * count) - done, 4)
            done, statuses = round(mark * count), statuses + found
            megabytes.append(process.megabytes("VmRSS"))
            note = f"idle {idle:.0f} MB, statuses {dict(statuses)}"
            figures.append(Figure(f"after {done} edits", megabytes[-1], None, " MB", note))
    return [*figures, Figure("the most of these, of the first", max(megabytes) / megabytes[0], BAR)]


@contextmanager
def comfyui() -> Iterator[Process | None]:
    """A ComfyUI of its own with this pack; None where there is none."""
    from multiedit.tests.support.comfyui import PACK, Installation, Server

    installation = Installation.find()
    if installation.missing():
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **SETTINGS, "MULTIEDIT_KEYS_FILE": f"{folder}/keys.json"}
        with Server(installation, Path(folder), {"multi-edit": PACK}, environment=environment) as peer:
            yield Process(peer.process.pid, peer.url)


def main() -> None:
    load_package()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with server() as process:
        figures = asyncio.run(measure(process, count))
        print_table(f"Memory of multiedit serve over {count} edits, {machine()}", figures)
    with comfyui() as peer:
        if peer is not None:
            figures = asyncio.run(measure(peer, count))
            print_table(f"Memory of ComfyUI over {count} edits at its port, {machine()}", figures)


if __name__ == "__main__":
    main()
