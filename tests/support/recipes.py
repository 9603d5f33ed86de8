"""What a graph comes down to, as records that an official template and a graph of ours have in common.

A record is the name of a decision and its values. Nodes of ours stand for one or several of ComfyUI's (the
table below), and a KSampler for the nodes that it is made of; loading images, saving and decoding are the
same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile

from .template_graph import Link, Node, Template, upstream_of

Record = tuple[Any, ...]
_MEGAPIXEL = 1024 * 1024

# What every edit has, and nodes that only measure or show.
PLUMBING = {
    "LoadImage", "SaveImage", "SaveImageAdvanced", "VAEDecode", "VAEEncode", "GetImageSize", "RandomNoise",
    "SamplerCustomAdvanced", "PreviewAny", "BatchImagesNode",
    "MultiEditSample", "MultiEditReference", "MultiEditFit", "MultiEditScale",
    "MultiEditFinish", "MultiEditStackLayers",
}  # fmt: skip
_START = {"EmptyFlux2LatentImage", "EmptyLatentImage", "EmptySD3LatentImage"}
_PATCHES = {
    "LoraLoaderModelOnly", "ModelSamplingAuraFlow", "CFGNorm", "FluxKVCache", "QwenImage21Cache", "EasyCache",
    "DifferentialDiffusion",
}  # fmt: skip
# What a prompt of ours stands for.
_ENCODERS: Mapping[str, tuple[Record, ...]] = {
    "qwen-edit": (("encoder", "TextEncodeQwenImageEditPlus"),),
    "flux2": (("encoder", "CLIPTextEncode"), ("references", "ReferenceLatent")),
    "mage-flow": (("encoder", "TextEncodeMageFlowEdit"),),
    "qwen-edit-first": (("encoder", "TextEncodeQwenImageEdit"),),
    "longcat": (("encoder", "TextEncodeQwenImageEdit"),),
    "boogu": (("encoder", "TextEncodeBooguEdit"),),
    "flux-kontext": (("encoder", "CLIPTextEncode"), ("references", "ReferenceLatent")),
    "flux-fill": (("encoder", "CLIPTextEncode"),),
}


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _sigmas(text: str) -> Record:
    return ("sigmas", *(round(float(each), 6) for each in text.split(",")))


def _ksampler(given: Mapping[str, Any]) -> Iterator[Record]:
    yield "sampler", given["sampler_name"]
    yield "schedule", given["scheduler"], given["steps"]
    yield "guidance", _number(given["cfg"])
    yield "denoise", _number(given["denoise"])
    latent = given["latent_image"]
    if hasattr(latent, "node"):  # in a graph of ours the node is read by itself
        yield "start", latent.node.kind


def _sampler_custom(given: Mapping[str, Any]) -> Iterator[Record]:
    yield "guidance", _number(given["cfg"])
    yield "start", given["latent_image"].node.kind


def _two_encoders(given: Mapping[str, Any]) -> Iterator[Record]:
    yield "text encoder", given["clip_name1"]
    yield "text encoder", given["clip_name2"]
    yield "encoder type", given["type"]


def _basic_scheduler(given: Mapping[str, Any]) -> Iterator[Record]:
    yield "schedule", given["scheduler"], given["steps"]
    yield "denoise", _number(given["denoise"])


def _several(given: Mapping[str, Any]) -> Iterator[Record]:
    yield "references", "ReferenceMultiLatent", _first_socket(given)
    if given["resolution"] == "resize":
        yield "reference megapixels", _number(given["megapixels"])


def _first_socket(given: Mapping[str, Any]) -> str:
    return min(name for name in given if name.startswith("images."))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Record]]] = {
    "UNETLoader": lambda given: iter([("diffusion model", given["unet_name"])]),
    "CLIPLoader": lambda given: iter([("text encoder", given["clip_name"]), ("encoder type", given["type"])]),
    "DualCLIPLoader": _two_encoders,
    "VAELoader": lambda given: iter([("vae", given["vae_name"])]),
    "LoraLoaderModelOnly": lambda given: iter(
        [("lora", given["lora_name"], _number(given["strength_model"]))]
    ),
    "ModelSamplingAuraFlow": lambda given: iter([("shift", _number(given["shift"]))]),
    "CFGNorm": lambda given: iter([("cfg norm", _number(given["strength"]))]),
    "FluxKVCache": lambda given: iter([("key-value cache",)]),
    "QwenImage21Cache": lambda given: iter([("prefix cache", given["device"], given["dtype"])]),
    "FluxKontextMultiReferenceLatentMethod": lambda given: iter(
        [("reference method", given["reference_latents_method"])]
    ),
    "FluxGuidance": lambda given: iter([("distilled guidance", _number(given["guidance"]))]),
    "KSampler": _ksampler,
    "KSamplerSelect": lambda given: iter([("sampler", given["sampler_name"])]),
    "BasicScheduler": _basic_scheduler,
    "Flux2Scheduler": lambda given: iter([("schedule", "flux2", given["steps"])]),
    "ManualSigmas": lambda given: iter([_sigmas(given["sigmas"])]),
    "SamplerCustom": _sampler_custom,
    "ImageScaleToMaxDimension": lambda given: iter([("longest side", given["largest_size"])]),
    "EmptyQwenImageLayeredLatentImage": lambda given: iter(
        [("start", "EmptyQwenImageLayeredLatentImage"), ("layers", given["layers"])]
    ),
    "LatentCut": lambda given: iter([("cut", given["dim"], given["index"], given["amount"])]),
    "LatentCutToBatch": lambda given: iter([("apart", given["dim"], given["slice_size"])]),
    "DifferentialDiffusion": lambda given: iter([("soft mask", _number(given["strength"]))]),
    "InpaintModelConditioning": lambda given: iter([("surroundings",)]),
    "MultiEditInpaint": lambda given: iter([("surroundings",)]),
    "MultiEditMaskedLatent": lambda given: iter([("start", "InpaintModelConditioning")]),
    "CFGGuider": lambda given: iter([("guidance", _number(given["cfg"]))]),
    "BasicGuider": lambda given: iter([("guidance", 1.0)]),
    "ConditioningZeroOut": lambda given: iter([("negative", "zeroed")]),
    "ReferenceLatent": lambda given: iter([("references", "ReferenceLatent")]),
    "ReferenceMultiLatent": _several,
    "TextEncodeQwenImage21": lambda given: iter(
        [("encoder", "TextEncodeQwenImage21", given["resolution"], _first_socket(given))]
    ),
    "ImageScaleToTotalPixels": lambda given: iter([("reference megapixels", _number(given["megapixels"]))]),
    "ResizeImageMaskNode": lambda given: iter([("reference megapixels", _number(given["megapixels"]))]),
    "FluxKontextImageScale": lambda given: iter([("reference megapixels", 1.0)]),
    **{
        kind: lambda given, kind=kind: iter([("encoder", kind)])  # type: ignore[misc]
        for kind in (
            "CLIPTextEncode",
            "TextEncodeBooguEdit",
            "TextEncodeMageFlowEdit",
            "TextEncodeQwenImageEdit",
            "TextEncodeQwenImageEditPlus",
        )
    },
    **{kind: lambda given, kind=kind: iter([("start", kind)]) for kind in _START},  # type: ignore[misc]
    **{kind: lambda given: iter(()) for kind in PLUMBING},
}


def _read(kind: str, given: Mapping[str, Any]) -> set[Record]:
    """The records of a node; one of a kind that nobody knows is a record itself."""
    return set(_READERS[kind](given)) if kind in _READERS else {("node", kind)}


def of_template(template: Template) -> set[Record]:
    """The records of the first edit in a template."""
    nodes = upstream_of(next(template.ends()))
    found = {record for node in nodes for record in _read(node.kind, node.inputs)}
    ends = [node for node in nodes if node.kind in ("KSampler", "SamplerCustom", "CFGGuider", "BasicGuider")]
    return found | {("patches", *_patches(ends[0].inputs["model"]))}


def _patches(link: Link) -> list[str]:
    """The nodes between the loader and the sampler, in their order."""
    node: Node = link.node
    return [*_patches(node.inputs["model"]), node.kind] if node.kind in _PATCHES else []


def of_profile(profile: Profile, nodes: Mapping[str, Mapping[str, Any]], files: set[str]) -> set[Record]:
    """The records of a graph of ours.

    Args:
        files: names of the template's; of a part's published ones that one is taken, else the first.
    """
    found: set[Record] = set(_parts(profile, files))
    encoders = _ENCODERS.get(profile.family, ())
    if encoders and any(node["class_type"] == "MultiEditReference" for node in nodes.values()):
        found.add(("reference megapixels", profile.reference_pixels / _MEGAPIXEL))
    for node in nodes.values():
        kind = node["class_type"]
        if kind == "MultiEditPrompt":
            found |= set(encoders)
        elif kind != "MultiEditModelParts":
            found |= _read(kind, node["inputs"])
    patches = [node["class_type"] for node in nodes.values() if node["class_type"] in _PATCHES]
    loras = ["LoraLoaderModelOnly"] if "lora" in profile.parts else []
    return found | {("patches", *loras, *patches)}


def _parts(profile: Profile, files: set[str]) -> Iterator[Record]:
    yield "encoder type", profile.clip_type
    titles = {
        "diffusion_model": "diffusion model",
        "text_encoder": "text encoder",
        "text_encoder_2": "text encoder",
        "vae": "vae",
        "lora": "lora",
    }
    for role, part in profile.parts.items():
        names = [file.name for file in part.files] or ["one of the user's own"]
        name = next((each for each in names if each in files), names[0])
        yield (titles[role], name, 1.0) if role == "lora" else (titles[role], name)
