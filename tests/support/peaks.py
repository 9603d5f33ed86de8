"""Peak memory of decoding files, each call measured by itself in one fresh process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

_MEASURE = """
import importlib.util, pickle, sys
root, cases = sys.argv[1:]
spec = importlib.util.spec_from_file_location(
    "multiedit", root + "/__init__.py", submodule_search_locations=[root]
)
module = importlib.util.module_from_spec(spec)
sys.modules["multiedit"] = module
spec.loader.exec_module(module)
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.input_image import ImageFile
import multiedit.pipelines.images.decode  # with torch, which is not the images'

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

for name, path in pickle.load(open(cases, "rb")):
    data, image = open(path, "rb").read(), None
    open("/proc/self/clear_refs", "w").write("5")
    before = peak()
    try:
        image = ImageFile(data, Limits(), name).image()
    except InvalidImage:
        pass
    size = 0 if image is None else image.numel() * 4 / 2**20
    print(f"{name}\\t{peak() - before:.1f}\\t{size:.1f}")
"""


def decode_peaks(folder: Path, files: Mapping[str, bytes]) -> dict[str, tuple[float, float]]:
    """By name the peak in MB that a file takes over what the process had, and the size of its tensor."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of one call can be read on Linux only")
    cases = []
    for index, (name, data) in enumerate(files.items()):
        (folder / str(index)).write_bytes(data)
        cases.append((name, str(folder / str(index))))
    (folder / "cases").write_bytes(pickle.dumps(cases))
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", _MEASURE, str(root), str(folder / "cases")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {name: (float(peak), float(size)) for name, peak, size in lines}
