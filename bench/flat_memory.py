"""The memory of `multiedit serve` over edits of mixed sizes, a tenth of them at a time.

    <python> bench/flat_memory.py [EDITS]

It has to stay where it is after the first tenth: what an edit took goes back to the system.
"""

from __future__ import annotations

import asyncio
import sys

from support import Figure, load_package, machine, print_table

from api import FIELDS, KEY, Process, form, make_image, post, repeat, server

SIDES = (256, 700, 1024, 1500, 2000, 2600)
PARTS = 10
BAR = 1.15


async def measure(process: Process, count: int) -> None:
    import aiohttp

    bases = [make_image((side, side), side) for side in SIDES]
    overlays = [make_image((side, side), side, "png") for side in SIDES[:3]]

    async def send(number: int) -> int:
        fields = {**FIELDS, "output_format": ("png", "jpeg")[number % 5 == 0]}
        images = [bases[number % len(bases)], overlays[number % len(overlays)]]
        return await post(session, "/v1/image/multi-edit", data=form(images, fields))

    idle, megabytes = process.megabytes("VmRSS"), []
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(process.address, headers=headers) as session:
        for _ in range(PARTS):
            statuses, _, _ = await repeat(send, count // PARTS, 4)
            megabytes.append(process.megabytes("VmRSS"))
    note = f"idle {idle:.0f} MB, statuses of the last part {dict(statuses)}"
    figures = [Figure(f"after {count // PARTS} edits", megabytes[0], None, " MB", note)]
    figures += [Figure(f"after {count}", megabytes[-1], None, " MB")]
    figures += [
        Figure("the most after any part, of that after the first", max(megabytes) / megabytes[0], BAR)
    ]
    print_table(f"Memory of the server over {count} edits, {machine()}", figures)


def main() -> None:
    load_package()
    with server() as process:
        asyncio.run(measure(process, int(sys.argv[1]) if len(sys.argv) > 1 else 1000))


if __name__ == "__main__":
    main()
