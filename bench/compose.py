"""Compositing against ComfyUI core's Create Layered Image: speed, difference, peak memory.

    COMFYUI_PATH=... <ComfyUI's python> bench/compose.py

A base and two masked layers at half its size: multiply at opacity 0.8, resized from 0.7 of the canvas, and
soft-light at 0.6, at its own size. Without COMFYUI_PATH the other side is Pillow: its resize and a chain of
alpha_composite, which knows no modes. A clone is a fresh copy of the base's tensor.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import ROOT, Figure, interleave, load_comfyui, load_package, peak_memory, print_table

CANVASES = {(1024, 1024): 7, (3840, 2160): 5, (7680, 4320): 2}  # and the rounds: core needs 20 s at 33 MP
SPEED_BAR, SPEED_GOAL = 12, 20
CLONES_GOAL = 4
DIFFERENCE_BAR = 1.5  # 1/255, at the 99.9th percentile
MEMORY_BAR = 2  # canvases beside the inputs


def photograph(width: int, height: int, seed: int) -> Any:
    """Soft colour at several scales and a camera's grain, in whole 8-bit levels: [1, H, W, 3]."""
    import torch

    random = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, 3, height, width)
    for cells, strength in ((8, 0.24), (32, 0.2), (128, 0.12), (512, 0.06)):
        patch = torch.rand(1, 3, cells * 3 // 4, cells, generator=random)
        picture += strength * torch.nn.functional.interpolate(patch, (height, width), mode="bicubic")
    picture += 0.2 + 0.012 * torch.randn(1, 1, height, width, generator=random)
    return (picture.clamp_(0, 1) * 255).round_().div_(255).permute(0, 2, 3, 1).contiguous()


def soft_disc(width: int, height: int) -> Any:
    """A layer mask (1 = transparent) that leaves an ellipse with a soft edge: [1, H, W]."""
    import torch

    y, x = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)[None]
    return (((x * x + y * y).sqrt() - 0.7) * 4).clamp_(0, 1)[None]


def layered(base: Any, large: Any, half: Any) -> dict[str, Any]:
    """The document; `half` has half the base's size."""
    height, width = base.shape[1:3]
    multiply = {
        "image": large, "mask": soft_disc(large.shape[2], large.shape[1]), "x": width // 8, "y": height // 8,
        "w": width // 2, "h": height // 2, "z_index": 1, "opacity": 0.8, "blend_mode": "multiply",
    }  # fmt: skip
    soft_light = {
        "image": half, "mask": soft_disc(half.shape[2], half.shape[1]), "x": width * 3 // 8,
        "y": height * 3 // 8, "z_index": 2, "opacity": 0.6, "blend_mode": "soft-light",
    }  # fmt: skip
    layers = [{"image": base, "z_index": 0}, multiply, soft_light]
    return {
        "version": 1,
        "canvas": (width, height),
        "layers": [{"type": "raster", **each} for each in layers],
    }


def synthetic(width: int, height: int) -> dict[str, Any]:
    return layered(
        photograph(width, height, 1),
        photograph(width * 7 // 10, height * 7 // 10, 2),
        photograph(width // 2, height // 2, 3),
    )


def real() -> dict[str, Any]:
    """The photographs in samples/."""
    import numpy as np
    import torch
    from PIL import Image

    def load(name: str, size: tuple[int, int] | None = None) -> Any:
        image = Image.open(ROOT / "samples" / name).convert("RGB")
        levels = np.asarray(image if size is None else image.resize(size), np.float32)
        return torch.from_numpy(levels / 255)[None]

    return layered(load("coffee.jpg"), load("galaxies.jpg"), load("galaxies.jpg", (300, 200)))


def ours(document: dict[str, Any]) -> Any:
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.layers.composite import composite
    from multiedit.pipelines.layers.document import parse_document

    return composite(parse_document(document, Limits()))


def core(document: dict[str, Any]) -> Any:
    """What the node's `execute` computes; it also writes previews, which are left out here."""
    from comfy_extras import nodes_compositor as node

    frames = node.expand_item_frames(node.document_items(document))
    tensors = [frame["tensor"] for frame in frames]
    alphas = [node.frame_alpha(frame["tensor"], frame["mask"]) for frame in frames]
    state = node.state_from_items(frames, node.document_canvas(document))
    return node.composite_outputs(node.composite_from_state(tensors, state, alphas))[0]


def pillow(document: dict[str, Any]) -> Any:
    import numpy as np
    import torch
    from PIL import Image

    canvas = Image.new("RGBA", document["canvas"])
    for item in document["layers"]:
        height, width = item["image"].shape[1:3]
        alpha = np.full((height, width), 255 * item.get("opacity", 1.0), np.float32)
        if "mask" in item:
            alpha *= 1 - item["mask"][0].numpy()
        pixels = np.dstack((item["image"][0].numpy() * 255, alpha)).round().astype(np.uint8)
        layer = Image.fromarray(pixels).resize(
            (item.get("w", width), item.get("h", height)), Image.Resampling.LANCZOS
        )
        canvas.alpha_composite(layer, (item.get("x", 0), item.get("y", 0)))
    return torch.from_numpy(np.asarray(canvas.convert("RGB"), np.float32) / 255)[None]


def difference(document: dict[str, Any]) -> float:
    """The 99.9th percentile of the difference from core, in 1/255."""
    import numpy as np

    return float(np.quantile((ours(document) - core(document)).abs().numpy(), 0.999) * 255)


def speed(name: str, document: dict[str, Any], rounds: int, reference: Callable[..., Any]) -> list[Figure]:
    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(document),
        "reference": lambda: reference(document),
        "clone": document["layers"][0]["image"].clone,
    }
    seconds = interleave(cases, rounds)
    times = seconds["reference"] / seconds["ours"]
    milliseconds = f"{seconds['ours'] * 1e3:.0f} of {seconds['reference'] * 1e3:.0f} ms"
    note = f"{times:.1f} x its speed: {milliseconds}"
    if reference is core:
        note += f" (bar {SPEED_BAR} x, goal {SPEED_GOAL} x)"
    return [
        Figure(
            f"{name}, share of {reference.__name__}'s time",
            1 / times,
            1 / SPEED_BAR if reference is core else None,
            note=note,
        ),
        Figure(
            f"{name}, clones of the canvas",
            seconds["ours"] / seconds["clone"],
            note=f"goal under {CLONES_GOAL}; a clone took {seconds['clone'] * 1e3:.1f} ms",
        ),
    ]


def memory(width: int, height: int) -> float:
    """Peak memory in canvases beside the inputs, in a fresh process."""
    command = [sys.executable, str(Path(__file__)), "--peak", str(width), str(height)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(answer.stdout) / (width * height * 3 * 4)


def print_peak(width: int, height: int) -> None:
    document = synthetic(width, height)
    ours(synthetic(256, 256))  # what is loaded on first use is not the picture's
    print(peak_memory(lambda: ours(document)))


def main() -> None:
    load_package()
    if sys.argv[1:2] == ["--peak"]:
        print_peak(int(sys.argv[2]), int(sys.argv[3]))
        return
    reference = pillow if load_comfyui() is None else core
    figures: list[Figure] = []
    for (width, height), rounds in CANVASES.items():
        name = f"{width}x{height}"
        document = synthetic(width, height)
        figures += speed(name, document, rounds, reference)
        if reference is core:
            error = difference(document)
            figures.append(Figure(f"{name}, difference from core", error, DIFFERENCE_BAR, "/255"))
        figures.append(Figure(f"{name}, peak memory", memory(width, height), MEMORY_BAR, " canvases"))
    if reference is core:
        figures.append(Figure("real photographs, difference", difference(real()), DIFFERENCE_BAR, "/255"))
    print_table(f"Compositing three layers, against {reference.__name__}", figures)


if __name__ == "__main__":
    main()
