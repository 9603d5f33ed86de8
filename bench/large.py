"""60 and 100 MP, from file to file: seconds, and peak memory against what the images themselves take.

    python bench/large.py

Each case runs in a process of its own. The bar is the decoded inputs, as float32, and two canvases of RGB
float32. `compose` lays a logo of a quarter of the base's sides over it; `edit` is a whole request with
keep_size, decoded at the result's size. Pillow makes the files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support import Figure, load_package, machine, peak_memory, print_table

SIZES = {"60 MP": (9504, 6336), "100 MP": (11648, 8736)}
FORMATS = ("jpg", "png")
_FLOAT = 4  # bytes


def write_files(folder: Path, size: tuple[int, int]) -> None:
    """A photograph-like base with a camera's grain as JPEG and PNG, and a logo with alpha."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    soft = Image.fromarray(random.integers(0, 256, (48, 64, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = Image.fromarray(random.integers(0, 9, (1024, 1024), np.uint8))
    levels = np.array(soft)
    for top in range(0, size[1], 1024):
        for left in range(0, size[0], 1024):
            tile = levels[top : top + 1024, left : left + 1024]
            tile //= 2
            tile += np.asarray(grain)[: tile.shape[0], : tile.shape[1], None]
    base = Image.fromarray(levels)
    base.save(folder / "base.jpg", quality=92)
    base.save(folder / "base.png", compress_level=1)
    logo = base.resize((size[0] // 4, size[1] // 4)).convert("RGBA")
    logo.putalpha(Image.radial_gradient("L").resize(logo.size))
    logo.save(folder / "logo.png")


def compose(folder: Path, base: str, output: str) -> object:
    from multiedit.pipelines.common.atomic_file import write_atomically
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.editing.compose_document import compose_document
    from multiedit.pipelines.images.encode import EncodeOptions

    logo = {"image": "logo.png", "placement": {"fit": "none", "anchor": "bottom-right"}}
    document = folder / "document.json"
    document.write_text(json.dumps({"layers": [{"image": f"base.{base}"}, logo]}))
    options = EncodeOptions("jpeg" if output == "jpg" else output)
    file = compose_document(document, Limits(), None, options)
    write_atomically(folder / f"out.{output}", file.data)
    return file


def edit(folder: Path, base: str, output: str) -> object:
    import asyncio

    from multiedit.pipelines.adapters.local import local_adapters
    from multiedit.pipelines.catalog.lookup import load_catalog
    from multiedit.pipelines.common.atomic_file import write_atomically
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.editing.pipeline import EditPipeline
    from multiedit.pipelines.planning.request import parse_request
    from multiedit.pipelines.safety.classifiers.loader import classifier_loader
    from multiedit.pipelines.safety.classifiers.store import Store
    from multiedit.pipelines.sources.source import FileSource, SourceLoader

    async def no_fetch(url: str, name: str) -> bytes:
        raise AssertionError(f"{name} must not be fetched")

    limits = Limits()
    loader, classifier = SourceLoader(limits, no_fetch), classifier_loader(["open_nsfw"], Store(()))
    editor = EditPipeline(limits, load_catalog(), local_adapters(limits), loader, classifier)
    fields: Mapping[str, Any] = {
        "prompt": "lay the logo over the photograph",
        "modelId": "layer-composite",
        "output_format": output,
        "safe_mode": False,
        "images": [FileSource(folder / f"base.{base}"), FileSource(folder / "logo.png")],
        "multiedit": {"keep_size": True, "placement": {"2": {"fit": "none", "anchor": "bottom-right"}}},
    }
    result = asyncio.run(editor.edit(parse_request(fields, limits)))
    write_atomically(folder / f"out.{output}", result.file.data)
    return result


CASES: dict[str, Callable[[Path, str, str], object]] = {"compose": compose, "edit": edit}


def measure(folder: Path, size: tuple[int, int], case: str, base: str, output: str) -> tuple[float, float]:
    """Seconds, and peak memory as a share of the bar."""
    command = [sys.executable, __file__, "--case", str(folder), case, base, output]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    width, height = size
    canvas = width * height * 3 * _FLOAT
    inputs = canvas + (width // 4) * (height // 4) * 4 * _FLOAT
    return float(answer[0]), int(answer[1]) / (inputs + 2 * canvas)


def run_case(folder: Path, case: str, base: str, output: str) -> None:
    with tempfile.TemporaryDirectory() as small:
        write_files(Path(small), (512, 512))
        CASES[case](Path(small), base, output)  # what is loaded on first use is not the images'
    started = time.perf_counter()
    peak = peak_memory(lambda: CASES[case](folder, base, output))
    print(time.perf_counter() - started, peak)


def main() -> None:
    load_package()
    if sys.argv[1:2] == ["--case"]:
        run_case(Path(sys.argv[2]), *sys.argv[3:])
        return
    figures = []
    for name, size in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), size)
            for case in CASES:
                for base in FORMATS:
                    for output in FORMATS:
                        seconds, share = measure(Path(folder), size, case, base, output)
                        label = f"{name}, {case}, {base} to {output}"
                        figures.append(Figure(label, share, 1.0, note=f"{seconds:.1f} s"))
    print(machine())
    print_table("Peak memory as a share of the inputs and two canvases", figures)


if __name__ == "__main__":
    main()
