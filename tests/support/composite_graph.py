"""A queued edit by layer-composite at the base's size, of nodes that need no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JPEG = {"format.quality": 95, "format.subsampling": "4:4:4", "format.background": "#ffffff"}
FORMATS: dict[str, dict[str, Any]] = {
    "png": {},
    "jpeg": JPEG,
    "webp": {"format.quality": 95, "format.lossless": False},
}


def composite_graph(
    plan: Any, images: Sequence[str], options: Any, prefix: str, catalog: Any = None
) -> dict[str, Any]:
    load = {f"image_{number}": name for number, name in enumerate(images, start=1)}
    edit: dict[str, Any] = {
        "model": plan.model,
        "model.aspect_ratio": "auto",
        "model.resolution": "auto",
        "prompt": plan.prompt,
        "seed": plan.seed,
        "keep_size": True,
    }
    for number, role in enumerate(plan.roles, start=1):
        if role == "mask":
            edit["mask"] = ["2", 0]
        else:
            edit[f"image_{number}"] = ["1", 2 * (number - 1)]
    graph = {
        "1": {"class_type": "MultiEditLoadLayers", "inputs": load},
        "3": {"class_type": "MultiEditEdit", "inputs": edit, "_meta": {"title": "The edit"}},
        "5": {
            "class_type": "MultiEditSave",
            "inputs": {
                "images": ["3", 0],
                "filename_prefix": prefix,
                "format": plan.output_format,
                **FORMATS[plan.output_format],
                "metadata": "everything",
            },
        },
    }
    if "mask" in edit:
        masked = {"image": ["1", 2 * plan.roles.index("mask")], "channel": "red"}
        graph["2"] = {"class_type": "ImageToMask", "inputs": masked}
    if plan.safe_mode:
        graph["4"] = {"class_type": "MultiEditSafeMode", "inputs": {"image": ["3", 0]}}
        graph["5"]["inputs"] |= {"images": ["4", 0], "report": ["4", 3]}
    return graph


def slow_graph(
    plan: Any, images: Sequence[str], options: Any, prefix: str, catalog: Any = None
) -> dict[str, Any]:
    """The same on 300 frames, which takes many seconds and heeds an interruption after each."""
    graph = composite_graph(plan, images, options, prefix)
    frames = {"image": ["1", 0], "amount": 300}
    graph["6"] = {"class_type": "RepeatImageBatch", "inputs": frames}
    graph["3"]["inputs"] |= {"image_1": ["6", 0], "image_2": ["1", 0], "seamless": True}
    return graph
