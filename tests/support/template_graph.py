"""An official template as plain nodes: subgraphs opened, switches thrown, numbers in their places.

The frontend saves a node's widgets as a list of values. Newer files name some of them by the inputs that
they belong to; for the rest the table below has each node's order, as ComfyUI's own schema has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WIDGETS: Mapping[str, tuple[str, ...]] = {
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "CFGGuider": ("cfg",),
    "CFGNorm": ("strength", "pre_cfg"),
    "CLIPLoader": ("clip_name", "type", "device"),
    "CLIPTextEncode": ("text",),
    "DifferentialDiffusion": ("strength",),
    "DualCLIPLoader": ("clip_name1", "clip_name2", "type", "device"),
    "ComfySwitchNode": ("switch",),
    "EmptyQwenImageLayeredLatentImage": ("width", "height", "layers", "batch_size"),
    "ImageScaleToMaxDimension": ("upscale_method", "largest_size"),
    "LatentCut": ("dim", "index", "amount"),
    "LatentCutToBatch": ("dim", "slice_size"),
    "EmptyFlux2LatentImage": ("width", "height", "batch_size"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "Flux2Scheduler": ("steps", "width", "height"),
    "FluxGuidance": ("guidance",),
    "FluxKontextMultiReferenceLatentMethod": ("reference_latents_method",),
    "ImageScaleToTotalPixels": ("upscale_method", "megapixels", "resolution_steps"),
    "KSampler": ("seed", "control", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerSelect": ("sampler_name",),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "ManualSigmas": ("sigmas",),
    "ModelSamplingAuraFlow": ("shift",),
    "PrimitiveBoolean": ("value",),
    "PrimitiveFloat": ("value",),
    "PrimitiveInt": ("value", "control"),
    "PrimitiveStringMultiline": ("value",),
    "QwenImage21Cache": ("device", "dtype"),
    "InpaintModelConditioning": ("noise_mask",),
    "RandomNoise": ("noise_seed", "control"),
    "ReferenceMultiLatent": ("resolution", "megapixels"),
    "ResizeImageMaskNode": ("resize_type", "megapixels", "scale_method"),
    "SamplerCustom": ("add_noise", "noise_seed", "control", "cfg"),
    "TextEncodeBooguEdit": ("prompt", "negative_prompt"),
    "TextEncodeMageFlowEdit": ("prompt", "negative_prompt", "width", "height", "batch_size"),
    "TextEncodeQwenImage21": ("prompt", "negative_prompt", "resolution"),
    "TextEncodeQwenImageEdit": ("prompt",),
    "TextEncodeQwenImageEditPlus": ("prompt",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "VAELoader": ("vae_name",),
}
_SOCKETS = {"IMAGE", "MASK", "CONDITIONING", "VAE", "CLIP", "MODEL", "LATENT", "*"}


@dataclass(frozen=True)
class Link:
    """An output of a node."""

    node: Node
    slot: int


@dataclass(eq=False)
class Node:
    """A node with what it gets: values, and links to other nodes."""

    kind: str
    inputs: dict[str, Any] = field(default_factory=dict)


class Template:
    """The nodes of a template.

    Args:
        saved: the file.
        booleans: what every Boolean node of it says, which throw its switches; None to leave them.
    """

    def __init__(self, saved: Mapping[str, Any], booleans: bool | None = None) -> None:
        self._subgraphs = {each["id"]: each for each in saved.get("definitions", {}).get("subgraphs", [])}
        self._booleans = booleans
        self._made: dict[tuple[Any, ...], Node] = {}
        self._saved = saved

    def ends(self) -> Iterator[Node]:
        """The savers that are not switched off."""
        for node in self._saved["nodes"]:
            if node["type"].startswith("SaveImage") and node.get("mode", 0) == 0:
                yield self._node(self._saved, node["id"], ())

    def _node(self, graph: Mapping[str, Any], number: Any, path: tuple[Any, ...], outer: Any = None) -> Node:
        key = (*path, number)
        if key not in self._made:
            saved = next(each for each in graph["nodes"] if each["id"] == number)
            node = self._made[key] = Node(saved["type"])
            node.inputs |= _widgets(saved)
            links = _links(graph)
            for socket in saved.get("inputs", []):
                if socket.get("link") is not None:
                    value = self._value(graph, links[socket["link"]], path, outer)
                    if value is not None:
                        node.inputs[socket["name"]] = value
            if node.kind == "PrimitiveBoolean" and self._booleans is not None:
                node.inputs["value"] = self._booleans
        return self._made[key]

    def _value(
        self, graph: Mapping[str, Any], origin: tuple[Any, int], path: tuple[Any, ...], outer: Any
    ) -> Any:
        """What comes over a link; None for an input of a subgraph that nothing is connected to."""
        number, slot = origin
        if number == -10:  # the subgraph's own inputs
            return outer(slot)
        saved = next(each for each in graph["nodes"] if each["id"] == number)
        if saved["type"] in self._subgraphs:
            return self._inside(graph, saved, slot, path, outer)
        node = self._node(graph, number, path, outer)
        if node.kind.startswith("Primitive"):
            return node.inputs.get("value")
        if node.kind == "ComfySwitchNode":
            return node.inputs.get("on_true" if node.inputs["switch"] else "on_false")
        if node.kind == "PreviewAny":
            return node.inputs.get("source")
        return Link(node, slot)

    def _inside(
        self, graph: Mapping[str, Any], saved: Mapping[str, Any], slot: int, path: tuple[Any, ...], outer: Any
    ) -> Any:
        """What a subgraph's output is linked to in it."""
        inner = self._subgraphs[saved["type"]]
        links = _links(graph)
        sockets = {each["name"]: each.get("link") for each in saved.get("inputs", [])}
        names = [each["name"] for each in inner["inputs"]]
        shown = [each["name"] for each in inner["inputs"] if each["type"] not in _SOCKETS]
        values = dict(zip(shown, saved.get("widgets_values") or [], strict=False))

        def given(number: int) -> Any:
            link = sockets.get(names[number])
            if link is not None:
                return self._value(graph, links[link], path, outer)
            return values.get(names[number])

        target = inner["outputs"][slot]["linkIds"][0]
        return self._value(inner, _links(inner)[target], (*path, saved["id"]), given)


def upstream_of(end: Node) -> list[Node]:
    """A node and all that it is made from, each once."""
    found: list[Node] = []
    wanted = [end]
    while wanted:
        node = wanted.pop()
        if node not in found:
            found.append(node)
            wanted += [value.node for value in node.inputs.values() if isinstance(value, Link)]
    return found


def _widgets(saved: Mapping[str, Any]) -> dict[str, Any]:
    values = saved.get("widgets_values") or []
    return dict(zip(WIDGETS.get(saved["type"], ()), values, strict=False))


def _links(graph: Mapping[str, Any]) -> dict[Any, tuple[Any, int]]:
    """Where each link begins: (node, slot)."""
    return {
        (link["id"] if isinstance(link, dict) else link[0]): (
            (link["origin_id"], link["origin_slot"]) if isinstance(link, dict) else (link[1], link[2])
        )
        for link in graph.get("links", [])
    }
