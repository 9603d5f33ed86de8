"""Random inputs over everything that reads what strangers send: counts, and the first fault of each kind.

    <python> bench/fuzz.py [--count 1000000] [--seed 1] [--kind decode]

Each kind has its share of the count. The suite runs a few thousand of them (tests/test_fuzz.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from support import load_package, machine

_BLOCK = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Read random inputs.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    load_package()
    from multiedit.tests.support.fuzz import KINDS, run

    print(machine(), flush=True)
    faults = 0
    for name in options.kind or KINDS:
        count, done, good, started = round(options.count * KINDS[name].share), 0, 0, time.perf_counter()
        try:
            with tempfile.TemporaryDirectory() as folder:
                while done < count:
                    block = min(_BLOCK, count - done)
                    good += run(name, block, Path(folder), options.seed * 1_000_000 + done)
                    done += block
        except AssertionError as fault:
            faults += 1
            print(f"  {fault}")
        seconds = time.perf_counter() - started
        print(f"  {name:<14} {done:>8} inputs, {good} read, in {seconds:.0f} s", flush=True)
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
