"""A whole request in a warm process: two 12 MP JPEG and a 12 MP PNG mask to a 2K JPEG.

    COMFYUI_PATH=... <ComfyUI's python> bench/request.py

The other side is the stock graph for it, node by node in one process: Load Image twice, Load Image (as
Mask), Upscale Image (lanczos, centre crop) twice, ImageCompositeMasked, Save Image. Stock cannot write a
JPEG, so its time is given with its PNG and without any saving. Safe mode is off: the stock graph has none.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from codec import write_pictures
from support import Figure, interleave, load_comfyui, load_package, print_table

SIDE_BAR = 5.0
ROUNDS = 7
FIELDS = {
    "prompt": "put the second picture where the mask is white",
    "modelId": "layer-composite",
    "aspect_ratio": "4:3",
    "resolution": "2K",
    "safe_mode": False,
    "multiedit": {"roles": {"2": "overlay", "3": "mask"}, "placement": {"2": {"fit": "cover"}}},
}


def our_request(folder: Path) -> Callable[[], object]:
    from multiedit.pipelines.adapters.composite import CompositeAdapter
    from multiedit.pipelines.catalog.lookup import load_catalog
    from multiedit.pipelines.common.atomic_file import write_atomically
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.editing.pipeline import EditPipeline
    from multiedit.pipelines.planning.request import parse_request
    from multiedit.pipelines.safety.classifiers.loader import classifier_loader
    from multiedit.pipelines.safety.classifiers.specs import EMBEDDED
    from multiedit.pipelines.safety.classifiers.store import Store
    from multiedit.pipelines.sources.source import FileSource, SourceLoader

    async def no_fetch(url: str, name: str) -> bytes:
        raise AssertionError(f"{name} must not be fetched")

    limits = Limits()
    adapter = CompositeAdapter(limits)
    loader, classifier = SourceLoader(limits, no_fetch), classifier_loader(EMBEDDED, Store(()))
    editor = EditPipeline(limits, load_catalog(), {adapter.name: adapter}, loader, classifier)
    images = [FileSource(folder / name) for name in ("one.jpg", "two.jpg", "mask.png")]

    def run() -> object:
        result = asyncio.run(editor.edit(parse_request({**FIELDS, "images": images}, limits)))
        write_atomically(folder / "ours.jpg", result.file.data)
        return result

    return run


def stock_graph(nodes: object, size: tuple[int, int]) -> tuple[Callable[[], object], Callable[[], object]]:
    """The graph with its saving, and without."""
    from comfy_extras.nodes_mask import ImageCompositeMasked

    load, scale, save = nodes.LoadImage(), nodes.ImageScale(), nodes.SaveImage()

    def edited() -> object:
        base, overlay = (
            scale.upscale(load.load_image(name)[0], "lanczos", *size, "center")[0]
            for name in ("one.jpg", "two.jpg")
        )
        mask = nodes.LoadImageMask().load_image_mask("mask.png", "red")[0]
        return ImageCompositeMasked.execute(base, overlay, 0, 0, False, mask)[0]

    return lambda: save.save_images(edited()), edited


def main() -> None:
    load_package()
    nodes = load_comfyui()
    if nodes is None:
        folder = Path(tempfile.mkdtemp(prefix="multiedit-bench-"))
    else:
        import folder_paths

        folder = Path(folder_paths.get_input_directory())
    write_pictures(folder)
    run = our_request(folder)
    cases: dict[str, Callable[[], object]] = {"ours": run}
    plan = run().plan
    if nodes is not None:
        cases["stock"], cases["stock, nothing saved"] = stock_graph(nodes, (plan.width, plan.height))
    seconds = interleave(cases, ROUNDS)
    print(f"{plan.width}x{plan.height}, ours {seconds['ours']:.3f} s")
    for name in list(cases)[1:]:
        bar = f"  (bar {SIDE_BAR:g} x)" if name == "stock" else ""
        print(f"{name}: {seconds[name]:.3f} s, {seconds[name] / seconds['ours']:.1f} x ours{bar}")
    stages = run().seconds
    total = sum(stages.values())
    print_table(
        "Share of each stage", [Figure(name, 100 * part / total, unit=" %") for name, part in stages.items()]
    )


if __name__ == "__main__":
    sys.exit(main())
