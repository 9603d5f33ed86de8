"""bench/gpu_random_weights.py with tiny models on the CPU: its figures say nothing, its table is whole.

It takes longer than other tests: torch and ComfyUI start anew, and three profiles run on two sides, each with
cold runs, new prompts and new seeds.
"""

from __future__ import annotations

import os
import re
import subprocess

from multiedit.tests.support.comfyui import PACK, Installation

PROFILES = ("qwen-edit-2511-lightning-4, 4 steps", "qwen-edit-2511-full, 2 steps", "flux-2-klein-4b, 4 steps")


def test_the_gpu_bench_prints_both_sides_of_every_profile(installation: Installation) -> None:
    run = subprocess.run(
        [installation.python, "bench/gpu_random_weights.py", "--tiny", "--images", "2"],
        cwd=PACK,
        env={**os.environ, "COMFYUI_PATH": str(installation.home)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    sizes = re.findall(r"diffusion model (\S+), text encoder (\S+), VAE (\S+)\.", run.stdout)
    assert sizes == [("20.43", "7.75", "0.13"), ("3.88", "4.02", "0.08")]
    header, _, *rows = [line.strip("| ").split(" | ") for line in run.stdout.splitlines() if line[:1] == "|"]
    assert [row[:3] for row in rows] == [[name, "2", side] for name in PROFILES for side in ("ours", "stock")]
    for row in rows:
        assert len(row) == len(header)
        step, *edits = map(float, row[3:7])
        outside = list(map(float, row[7].split(" / ")))
        assert 0 < step < min(edits)
        assert all(0 < rest < whole for rest, whole in zip(outside, edits, strict=True))
        assert float(row[9]) > 0
