"""Large images, from file to file: peak memory of a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

BENCH = Path(__file__).resolve().parents[2] / "bench" / "large.py"
SIZE = (4000, 3000)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is the kernel's of Linux")
@pytest.mark.parametrize(("case", "output"), [("compose", "png"), ("compose", "jpg"), ("edit", "jpg")])
def test_the_peak_is_at_most_the_inputs_and_two_canvases(tmp_path: Path, case: str, output: str) -> None:
    """Over 5 seconds on a busy machine: each case starts a Python with torch."""
    base = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    base.save(tmp_path / "base.jpg")
    logo = base.resize((SIZE[0] // 4, SIZE[1] // 4)).convert("RGBA")
    logo.save(tmp_path / "logo.png")
    command = [sys.executable, str(BENCH), "--case", str(tmp_path), case, "jpg", output]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    canvas = SIZE[0] * SIZE[1] * 3 * 4
    assert int(done.stdout.split()[1]) <= canvas + logo.width * logo.height * 16 + 2 * canvas
