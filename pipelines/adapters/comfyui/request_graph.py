"""Build a whole edit as one ComfyUI graph of our own nodes, for the command line and the HTTP API.

Load Layered Images -> (Load Multi-Edit Model ->) Multi-Edit -> Safe Mode -> Save Edited Image, as a person
would wire them; ComfyUI's history, its cache and the saved file's metadata are those of such a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...catalog.lookup import Catalog
from ...catalog.model import AUTO
from ...planning.plan import EMBEDDED_MODEL, EditPlan
from .graph import GraphNodes, Link, output

if TYPE_CHECKING:
    from ...images.encode import EncodeOptions

_LOADED_BY_ONE = 3
# The options that are widgets of Multi-Edit and of Multi-Edit Sampling, by the same names.
_EDIT_WIDGETS = ("batch_size", "crop_and_stitch", "sampling_megapixels")
_SAMPLING_WIDGETS = ("steps", "cfg", "negative_prompt")


def request_graph(
    plan: EditPlan, names: Sequence[str], options: EncodeOptions, prefix: str, catalog: Catalog
) -> dict[str, Any]:
    """Build the graph of a plan.

    Args:
        names: of the images in ComfyUI's input folder, in the request's order; a mask is a grey image,
            white = change here.
        options: of the file that is saved.
        prefix: of the file's name.
    """
    graph = GraphNodes()
    images = _loaded(graph, names)
    edited = graph.add("edit", "MultiEditEdit", {**_settings(plan, catalog), **_sockets(graph, plan, images)})
    saved: dict[str, object] = {"images": edited, "filename_prefix": prefix, "plan": output(edited, 1)}
    if plan.safe_mode:
        checked = graph.add("safe_mode", "MultiEditSafeMode", {"image": edited})
        saved |= {"images": checked, "report": output(checked, 3)}
    graph.add("save", "MultiEditSave", {**saved, **_format(options)})
    return graph.nodes


def _loaded(graph: GraphNodes, names: Sequence[str]) -> list[Link]:
    links = []
    for first in range(0, len(names), _LOADED_BY_ONE):
        of_one = names[first : first + _LOADED_BY_ONE]
        inputs = {f"image_{number}": name for number, name in enumerate(of_one, start=1)}
        loaded = graph.add(f"images_{first + 1}", "MultiEditLoadLayers", inputs)
        links += [output(loaded, 2 * index) for index in range(_LOADED_BY_ONE)]
    return links[: len(names)]


def _settings(plan: EditPlan, catalog: Catalog) -> dict[str, object]:
    """The widgets of Multi-Edit, so that it makes the same plan."""
    options = plan.options.given
    widgets = {f"model.{name}": options[name] for name in _EDIT_WIDGETS if name in options}
    fixed = plan.aspect_ratio in catalog.get(plan.model).fixed_ratios and not plan.keep_size
    embedded = plan.model == EMBEDDED_MODEL
    return {
        "model": plan.model if embedded else "from loader",
        "model.aspect_ratio": plan.aspect_ratio if fixed else AUTO,
        "model.resolution": plan.resolution or AUTO,
        **widgets,
        "prompt": plan.prompt,
        "seed": plan.seed,
        "keep_size": plan.keep_size,
        "extend": plan.extension.text if plan.extension else "",
        **({} if embedded else _mask_widgets(plan)),
    }


def _mask_widgets(plan: EditPlan) -> dict[str, object]:
    return {f"model.{name}": value for name, value in plan.mask_options.changed.items()}


def _sockets(graph: GraphNodes, plan: EditPlan, images: Sequence[Link]) -> dict[str, object]:
    """The links of Multi-Edit, and what each of its images is for; it counts them without the mask."""
    sockets: dict[str, object] = {}
    per_image: dict[str, Mapping[str, object]] = {}
    unmasked = [number for number, role in enumerate(plan.roles, start=1) if role != "mask"]
    for socket, number in enumerate(unmasked, start=1):
        sockets[f"image_{socket}"] = images[number - 1]
        if number > 1:
            placement = asdict(plan.placements[number]) if number in plan.placements else {}
            per_image[str(socket)] = {"role": plan.roles[number - 1], **placement}
    if per_image:
        sockets["per_image"] = json.dumps(per_image)
    if "mask" in plan.roles[: len(images)]:
        image = images[plan.roles.index("mask")]
        sockets["mask"] = graph.add("mask", "ImageToMask", {"image": image, "channel": "red"})
    if plan.model != EMBEDDED_MODEL:
        sockets["loaded_model"] = _loaded_model(graph, plan)
    return sockets


def _loaded_model(graph: GraphNodes, plan: EditPlan) -> Link:
    """The loader, a node for each LoRA, and one for what is changed in the sampling."""
    options = plan.options
    loader = {"model": plan.model, "model.profile": options.profile or AUTO}
    model = graph.add("model", "MultiEditLoadModel", loader)
    for number, lora in enumerate(options.loras, start=1):
        inputs = {"loaded_model": model, "lora_name": lora.name, "strength_model": lora.strength}
        model = graph.add(f"lora_{number}", "MultiEditLora", inputs)
    changed = {name: value for name, value in options.given.items() if name in _SAMPLING_WIDGETS}
    if changed:
        model = graph.add("sampling", "MultiEditSampling", {"loaded_model": model, **changed})
    return model


def _format(options: EncodeOptions) -> dict[str, object]:
    """The widgets of Save Edited Image."""
    red, green, blue = (round(255 * value) for value in options.background)
    by_format: dict[str, dict[str, object]] = {
        "png": {},
        "jpeg": {
            "format.quality": options.quality,
            "format.subsampling": options.subsampling,
            "format.background": f"#{red:02x}{green:02x}{blue:02x}",
        },
        "webp": {"format.quality": options.quality, "format.lossless": options.lossless},
    }
    return {"format": options.format, **by_format[options.format]}
