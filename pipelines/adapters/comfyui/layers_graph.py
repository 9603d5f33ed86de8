"""Split an image into layers by Qwen-Image-Layered: what is decided, and the ComfyUI graph that makes them.

The graph is that of ComfyUI's template. The model makes the whole image once more before its layers, which is
cut off. https://github.com/QwenLM/Qwen-Image-Layered
"""

from __future__ import annotations

from dataclasses import dataclass

from ...common.errors import InvalidRequest
from ...common.types import Size
from .graph import GraphNodes, Link, output
from .profiles.profile import Profile
from .profiles.selection import ProfileSelection
from .reference_fit import ReferenceFit, on_budget

FAMILY = "qwen-layered"
_ALL = 16384  # frames that LatentCut takes at most


@dataclass(frozen=True)
class LayersPlan:
    """The splitting of an image, decided.

    Attributes:
        prompt: what the image shows; the layers follow from the image alone where it is empty.
        layers: how many, without the whole image.
        work: (width, height) that is sampled.
        canvas: (width, height) of the image, over which every layer is laid.
    """

    profile: Profile
    prompt: str
    seed: int
    layers: int
    work: Size
    canvas: Size
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Model, sizes and notes, a line each."""
        title = (
            f"{self.profile.name}: {self.layers} layers of {self.work[0]}x{self.work[1]} pixels on a canvas "
            f"of {self.canvas[0]}x{self.canvas[1]}."
        )
        return "\n".join([title, *self.notes])


def plan_layers(
    selection: ProfileSelection, canvas: Size, layers: int, prompt: str, seed: int, pixels: int | None = None
) -> LayersPlan:
    """Decide how an image is split.

    Args:
        canvas: (width, height) of the image.
        pixels: the area that is sampled; None is what the model was trained for.

    Raises:
        InvalidRequest: the model makes no layers, or its sampling was changed to start from an image.
    """
    profile = selection.profile
    if profile.family != FAMILY:
        raise InvalidRequest(
            f"{profile.name} splits no image into layers. Load qwen-image-layered, or use Multi-Edit.",
            field="modelId",
        )
    if profile.denoise != 1.0:
        raise InvalidRequest(
            f"denoise is {profile.denoise:g}, but layers are made of noise alone. Set denoise to 1 on "
            "Multi-Edit Sampling or Multi-Edit Model from Parts.",
            field="denoise",
        )
    area = min(pixels or profile.native_pixels, profile.max_pixels)
    work = on_budget(canvas, area, profile.grid)
    return LayersPlan(profile, prompt, seed, layers, work, canvas, selection.notes)


def layers_graph(
    plan: LayersPlan, loaded_model: Link, image: Link, item: int = 0, prefix: str = ""
) -> tuple[GraphNodes, Link, Link]:
    """Build the graph of a plan; returns it, and the links to the LAYERS document and to its images.

    Args:
        item: which of a ComfyUI list the links stand for.
        prefix: of the nodes' ids.
    """
    graph, profile = GraphNodes(prefix), plan.profile
    parts = graph.add("model", "MultiEditModelParts", {"loaded_model": loaded_model, "item": item})
    model, clip, vae = (output(parts, number) for number in (1, 2, 3))
    fitted = {
        "image": image,
        "fit": ReferenceFit(plan.work).to_dict(),
        "item": item,
        "frame": 0,
        "alpha": True,
    }
    latent = graph.add(
        "encode", "VAEEncode", {"pixels": graph.add("fit", "MultiEditFit", fitted), "vae": vae}
    )

    def condition(name: str, text: str) -> Link:
        encoded = graph.add(name, "CLIPTextEncode", {"clip": clip, "text": text})
        return graph.add(f"{name}_reference", "ReferenceLatent", {"conditioning": encoded, "latent": latent})

    width, height = plan.work
    size = {"width": width, "height": height, "layers": plan.layers, "batch_size": 1}
    sampled = graph.add(
        "sample",
        "KSampler",
        {
            "model": graph.add("shift", "ModelSamplingAuraFlow", {"model": model, "shift": profile.shift}),
            "positive": condition("prompt", plan.prompt),
            "negative": condition("negative", profile.negative_prompt),
            "latent_image": graph.add("latent", "EmptyQwenImageLayeredLatentImage", size),
            "seed": plan.seed,
            "steps": profile.steps,
            "cfg": profile.cfg,
            "sampler_name": profile.sampler,
            "scheduler": profile.scheduler,
            "denoise": 1.0,
        },
    )
    cut = graph.add("cut", "LatentCut", {"samples": sampled, "dim": "t", "index": 1, "amount": _ALL})
    apart = graph.add("apart", "LatentCutToBatch", {"samples": cut, "dim": "t", "slice_size": 1})
    images = graph.add("decode", "VAEDecode", {"samples": apart, "vae": vae})
    canvas = dict(zip(("width", "height"), plan.canvas, strict=True))
    stacked = graph.add("stack", "MultiEditStackLayers", {"images": images, **canvas})
    return graph, stacked, images
