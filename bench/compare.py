"""Two commits side by side: the same benchmarks on both, in turns, and the ratio of each figure.

    make bench-compare BASE=main [BENCHES="compose safety"] [ROUNDS=3]

The benchmarks are this checkout's; only the package is the other commit's, out of a worktree in a temporary
folder. The median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from support import JSON_VARIABLE, ROOT_VARIABLE

CHECKOUT = Path(__file__).resolve().parent.parent

Figures = dict[str, float]
"""By table and name; a table's title without what follows its first comma, such as the machine's load."""


def measure(root: Path, bench: str, folder: Path) -> Figures:
    """Run one benchmark on the package in `root`."""
    file = folder / "figures.json"
    file.unlink(missing_ok=True)
    environment = {**os.environ, ROOT_VARIABLE: str(root), JSON_VARIABLE: str(file)}
    command = [sys.executable, str(CHECKOUT / "bench" / f"{bench}.py")]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    tables = json.loads(file.read_text())["tables"]
    return {
        f"{title.split(',')[0]}: {name}": figure["value"]
        for title, figures in tables.items()
        for name, figure in figures.items()
    }


def compare(base: Path, benches: list[str], rounds: int, folder: Path) -> None:
    for bench in benches:
        runs: dict[Path, list[Figures]] = {base: [], CHECKOUT: []}
        for _ in range(rounds):
            for root, figures in runs.items():
                figures.append(measure(root, bench, folder))
        print(f"\n== {bench} ==\n{'base':>10} {'here':>10} {'here/base':>10}")
        for name in runs[CHECKOUT][0]:
            before, here = (median(each[name] for each in figures) for figures in runs.values())
            ratio = f"{here / before:.3f}" if before else "-"
            print(f"{before:>10.4g} {here:>10.4g} {ratio:>10}  {name}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("base", help="a commit, branch or tag")
    parser.add_argument("benches", nargs="*", default=["compose", "safety"])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="multiedit-compare-") as name:
        folder, git = Path(name), ["git", "-C", str(CHECKOUT), "worktree"]
        base = folder / "base"
        subprocess.run([*git, "add", "--quiet", "--detach", str(base), asked.base], check=True)
        try:
            compare(base, asked.benches, asked.rounds, folder)
        finally:
            subprocess.run([*git, "remove", "--force", str(base)], check=True)


if __name__ == "__main__":
    main()
