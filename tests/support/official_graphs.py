"""The official templates' graphs of the edit models, in API format, for any number of images.

Each has the nodes, settings and order of ComfyUI's own template of the model, without the switches and
number boxes that only choose among settings, and chains more images as the template chains its second.
`reference_pixels` None is the template; any other number makes the references and the result that large
instead of a megapixel. For Qwen-Image-Edit and FireRed that takes another way to the same conditioning: the
text encoder's node scales to a megapixel whatever it gets where it has the VAE, so it gets none, and the
references are added after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Link = list[Any]
MEGAPIXEL = 1024 * 1024


@dataclass(frozen=True)
class Files:
    """File names of one model, as the loaders' widgets list them."""

    model: str
    text_encoder: str = ""
    vae: str = ""
    lora: str = ""
    second_text_encoder: str = ""


class Graph(dict[str, Any]):
    """A prompt in API format."""

    def add(self, name: str, kind: str, /, **inputs: Any) -> Link:
        """Add a node; the link to its first output."""
        self[name] = {"class_type": kind, "inputs": inputs}
        return [name, 0]

    def images(self, names: Sequence[str]) -> list[Link]:
        return [self.add(f"image {n}", "LoadImage", image=name) for n, name in enumerate(names, 1)]

    def scaled(self, image: Link, method: str, pixels: int | None, steps: int) -> Link:
        return self.add(
            f"scale {image[0]}",
            "ImageScaleToTotalPixels",
            image=image,
            upscale_method=method,
            megapixels=(pixels or MEGAPIXEL) / MEGAPIXEL,
            resolution_steps=steps,
        )

    def encoded(self, images: Sequence[Link], vae: Link) -> list[Link]:
        return [self.add(f"encode {image[0]}", "VAEEncode", pixels=image, vae=vae) for image in images]

    def references(self, conditioning: Link, latents: Sequence[Link]) -> Link:
        first = conditioning[0]
        for n, latent in enumerate(latents, 1):
            conditioning = self.add(
                f"{first} reference {n}", "ReferenceLatent", conditioning=conditioning, latent=latent
            )
        return conditioning

    def model(self, file: str) -> Link:
        return self.add("model", "UNETLoader", unet_name=file, weight_dtype="default")

    def text_encoder(self, file: str, kind: str) -> Link:
        return self.add("text encoder", "CLIPLoader", clip_name=file, type=kind, device="default")

    def two_text_encoders(self, files: Files) -> Link:
        names = {"clip_name1": files.second_text_encoder, "clip_name2": files.text_encoder}
        return self.add("text encoder", "DualCLIPLoader", type="flux", device="default", **names)

    def vae(self, file: str) -> Link:
        return self.add("vae", "VAELoader", vae_name=file)

    def lora(self, model: Link, file: str) -> Link:
        if not file:
            return model
        return self.add("lora", "LoraLoaderModelOnly", model=model, lora_name=file, strength_model=1.0)

    def sampled(
        self, model: Link, positive: Link, negative: Link, latent: Link, seed: int, steps: int, cfg: float
    ) -> Link:
        return self.add(
            "sample",
            "KSampler",
            model=model,
            positive=positive,
            negative=negative,
            latent_image=latent,
            seed=seed,
            steps=steps,
            cfg=cfg,
            sampler_name="euler",
            scheduler="simple",
            denoise=1.0,
        )

    def saved(self, samples: Link, vae: Link) -> Graph:
        image = self.add("decode", "VAEDecode", samples=samples, vae=vae)
        self.add("save", "SaveImage", images=image, filename_prefix="official")
        return self


def qwen_edit(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    version: str = "2511",
    steps: int = 40,
    cfg: float = 4.0,
    reference_pixels: int | None = None,
) -> Graph:
    """Qwen-Image-Edit 2509 or 2511: image_qwen_image_edit_2509.json, image_qwen_image_edit_2511.json."""
    graph = Graph()
    newer = version == "2511"
    model = graph.model(files.model)
    if not newer:
        model = graph.lora(model, files.lora)
    model = _qwen_sampling(graph, model, 3.1 if newer else 3.0)
    if newer:
        model = graph.lora(model, files.lora)
    pictures = graph.images(images)
    if reference_pixels is None:
        pictures[0] = graph.add("scale image 1", "FluxKontextImageScale", image=pictures[0])
    return _qwen(
        graph,
        model,
        graph.text_encoder(files.text_encoder, "qwen_image"),
        graph.vae(files.vae),
        pictures,
        prompt,
        seed,
        "index_timestep_zero" if newer else None,
        steps,
        cfg,
        reference_pixels,
    )


def firered(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 40,
    cfg: float = 4.0,
    reference_pixels: int | None = None,
) -> Graph:
    """FireRed-Image-Edit 1.1: image_firered_image_edit1_1.json."""
    graph = Graph()
    model = _qwen_sampling(graph, graph.lora(graph.model(files.model), files.lora), 3.1)
    pictures = graph.images(images)
    if reference_pixels is None:
        size = {"resize_type": "scale total pixels", "resize_type.megapixels": 1.0}
        pictures[0] = graph.add(
            "scale image 1", "ResizeImageMaskNode", input=pictures[0], scale_method="lanczos", **size
        )
    clip, vae = graph.text_encoder(files.text_encoder, "qwen_image"), graph.vae(files.vae)
    return _qwen(graph, model, clip, vae, pictures, prompt, seed, None, steps, cfg, reference_pixels)


def qwen_all_in_one(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 4,
    cfg: float = 1.0,
    reference_pixels: int | None = None,
) -> Graph:
    """Qwen-Image-Edit-Rapid-AIO, by the words of its model card; there is no official template."""
    graph = Graph()
    model = graph.add("checkpoint", "CheckpointLoaderSimple", ckpt_name=files.model)
    clip, vae = ["checkpoint", 1], ["checkpoint", 2]
    pictures = graph.images(images)
    return _qwen(graph, model, clip, vae, pictures, prompt, seed, None, steps, cfg, reference_pixels)


def flux2_klein(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    base: bool = False,
    kv_cache: bool = False,
    steps: int = 4,
    cfg: float = 1.0,
    reference_pixels: int | None = None,
) -> Graph:
    """FLUX.2 klein: image_flux2_klein_image_edit_*.json; with `kv_cache`, ..._9b_kv_image_edit.json."""
    graph = Graph()
    model = graph.model(files.model)
    if kv_cache:
        model = graph.add("kv cache", "FluxKVCache", model=model)
    clip, vae = graph.text_encoder(files.text_encoder, "flux2"), graph.vae(files.vae)
    method = "lanczos" if kv_cache else "nearest-exact"
    pictures = [graph.scaled(image, method, reference_pixels, 1) for image in graph.images(images)]
    latents = graph.encoded(pictures, vae)
    positive = graph.add("positive", "CLIPTextEncode", clip=clip, text=prompt)
    if base:
        negative = graph.add("negative", "CLIPTextEncode", clip=clip, text="")
    else:
        negative = graph.add("negative", "ConditioningZeroOut", conditioning=positive)
    guider = graph.add(
        "guider",
        "CFGGuider",
        model=model,
        positive=graph.references(positive, latents),
        negative=graph.references(negative, latents),
        cfg=cfg,
    )
    return _flux2(graph, guider, vae, pictures[0], seed, steps)


def flux2_dev(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 20,
    reference_pixels: int | None = None,
) -> Graph:
    """FLUX.2 dev: image_flux2.json."""
    graph = Graph()
    model = graph.lora(graph.model(files.model), files.lora)
    clip, vae = graph.text_encoder(files.text_encoder, "flux2"), graph.vae(files.vae)
    pictures = [graph.scaled(image, "lanczos", reference_pixels, 1) for image in graph.images(images)]
    text = graph.add("positive", "CLIPTextEncode", clip=clip, text=prompt)
    guided = graph.add("guidance", "FluxGuidance", conditioning=text, guidance=4.0)
    conditioning = graph.references(guided, graph.encoded(pictures, vae))
    guider = graph.add("guider", "BasicGuider", model=model, conditioning=conditioning)
    return _flux2(graph, guider, vae, pictures[0], seed, steps)


def mage(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    base: bool = False,
    steps: int = 4,
    cfg: float = 1.0,
    reference_pixels: int | None = None,
) -> Graph:
    """Mage-Flow-Edit: image_mage_flow_edit_turbo_int8.json; `base`, image_mage_flow_edit_int8.json."""
    graph = Graph()
    model = graph.model(files.model)
    clip, vae = graph.text_encoder(files.text_encoder, "mage"), graph.vae(files.vae)
    pictures = graph.images(images)
    pictures[0] = graph.scaled(pictures[0], "lanczos" if base else "nearest-exact", reference_pixels, 16)
    size = graph.add("size", "GetImageSize", image=pictures[0])
    graph.add(
        "encode",
        "TextEncodeMageFlowEdit",
        clip=clip,
        vae=vae,
        prompt=prompt,
        negative_prompt="",
        width=size,
        height=["size", 1],
        batch_size=1,
        **{f"images.image_{n}": picture for n, picture in enumerate(pictures, 1)},
    )
    samples = graph.sampled(model, ["encode", 0], ["encode", 1], ["encode", 2], seed, steps, cfg)
    return graph.saved(samples, vae)


def qwen_edit_first(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 20,
    cfg: float = 2.5,
    reference_pixels: int | None = None,
) -> Graph:
    """The first Qwen-Image-Edit: image_qwen_image_edit.json, of one image."""
    graph = Graph()
    model = _qwen_sampling(graph, graph.lora(graph.model(files.model), files.lora), 3.0)
    clip, vae = graph.text_encoder(files.text_encoder, "qwen_image"), graph.vae(files.vae)
    positive, negative, latent = _seen(graph, clip, vae, images, prompt, reference_pixels)
    samples = graph.sampled(model, positive, negative, latent, seed, steps, cfg)
    return graph.saved(samples, vae)


def longcat(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 50,
    reference_pixels: int | None = None,
) -> Graph:
    """LongCat-Image-Edit: image_longcat_image_edit.json, of one image."""
    graph = Graph()
    model = graph.model(files.model)
    clip, vae = graph.text_encoder(files.text_encoder, "longcat_image"), graph.vae(files.vae)
    positive, negative, latent = _seen(graph, clip, vae, images, prompt, reference_pixels)
    ends = []
    for name, encoded in (("positive", positive), ("negative", negative)):
        guided = graph.add(f"{name} guidance", "FluxGuidance", conditioning=encoded, guidance=4.5)
        method = {"conditioning": guided, "reference_latents_method": "index"}
        ends.append(graph.add(f"{name} method", "FluxKontextMultiReferenceLatentMethod", **method))
    samples = graph.sampled(model, *ends, latent, seed, steps, 4.5)
    return graph.saved(samples, vae)


def kontext(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 20,
    reference_pixels: int | None = None,
) -> Graph:
    """FLUX.1 Kontext dev: flux_kontext_dev_basic.json, with a latent for each image as its note says."""
    graph = Graph()
    model = graph.model(files.model)
    clip, vae = graph.two_text_encoders(files), graph.vae(files.vae)
    pictures = graph.images(images)
    if reference_pixels is None:
        pictures = [
            graph.add(f"scale {n}", "FluxKontextImageScale", image=each) for n, each in enumerate(pictures)
        ]
    else:
        pictures = [graph.scaled(each, "lanczos", reference_pixels, 16) for each in pictures]
    latents = graph.encoded(pictures, vae)
    text = graph.add("positive", "CLIPTextEncode", clip=clip, text=prompt)
    unwanted = graph.add("negative", "ConditioningZeroOut", conditioning=text)
    shown = graph.references(text, latents)
    guided = graph.add("guidance", "FluxGuidance", conditioning=shown, guidance=2.5)
    samples = graph.sampled(model, guided, unwanted, latents[0], seed, steps, 1.0)
    return graph.saved(samples, vae)


def boogu(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    steps: int = 25,
    reference_pixels: int | None = None,
) -> Graph:
    """Boogu-Image-Edit: image_boogu_image_0_1_edit.json; its node has the references at a megapixel."""
    graph = Graph()
    model = graph.model(files.model)
    clip, vae = graph.text_encoder(files.text_encoder, "boogu"), graph.vae(files.vae)
    pictures = graph.images(images)
    size = graph.add("size", "GetImageSize", image=graph.scaled(pictures[0], "lanczos", reference_pixels, 16))
    seen = {f"images.image_{n}": picture for n, picture in enumerate(pictures, 1)}
    graph.add("encode", "TextEncodeBooguEdit", clip=clip, vae=vae, prompt=prompt, negative_prompt="", **seen)
    shifted = graph.add("shift", "ModelSamplingAuraFlow", model=model, shift=3.16)
    samples = graph.add(
        "sample",
        "SamplerCustom",
        model=model,
        positive=["encode", 0],
        negative=["encode", 1],
        add_noise=True,
        noise_seed=seed,
        cfg=3.5,
        sampler=graph.add("solver", "KSamplerSelect", sampler_name="dpmpp_2m"),
        sigmas=graph.add(
            "sigmas", "BasicScheduler", model=shifted, scheduler="simple", steps=steps, denoise=1.0
        ),
        latent_image=graph.add("latent", "EmptyLatentImage", width=size, height=["size", 1], batch_size=1),
    )
    return graph.saved(samples, vae)


def fill(
    files: Files,
    images: Sequence[str],
    prompt: str,
    seed: int,
    *,
    mask: str,
    steps: int = 20,
    reference_pixels: int | None = None,
) -> Graph:
    """FLUX.1 Fill dev: flux_fill_inpaint_example.json; `mask` is the name of a white-on-black image."""
    graph = Graph()
    model = graph.add("soft mask", "DifferentialDiffusion", model=graph.model(files.model), strength=1.0)
    clip, vae = graph.two_text_encoders(files), graph.vae(files.vae)
    (picture,) = graph.images(images)
    text = graph.add("positive", "CLIPTextEncode", clip=clip, text=prompt)
    graph.add(
        "inpaint",
        "InpaintModelConditioning",
        positive=graph.add("guidance", "FluxGuidance", conditioning=text, guidance=30.0),
        negative=graph.add("negative", "ConditioningZeroOut", conditioning=text),
        vae=vae,
        pixels=graph.scaled(picture, "lanczos", reference_pixels, 16),
        mask=graph.add("mask", "LoadImageMask", image=mask, channel="red"),
        noise_mask=True,
    )
    samples = graph.sampled(model, ["inpaint", 0], ["inpaint", 1], ["inpaint", 2], seed, steps, 1.0)
    graph["sample"]["inputs"]["scheduler"] = "normal"
    return graph.saved(samples, vae)


def _seen(
    graph: Graph, clip: Link, vae: Link, images: Sequence[str], prompt: str, reference_pixels: int | None
) -> tuple[Link, Link, Link]:
    """What TextEncodeQwenImageEdit makes of both prompts, and the latent of the image."""
    (picture,) = graph.images(images)
    shown = graph.scaled(picture, "lanczos", reference_pixels, 16)
    (latent,) = graph.encoded([shown], vae)
    inner = {"vae": vae} if reference_pixels is None else {}
    ends = []
    for name, text in (("positive", prompt), ("negative", "")):
        encoded = graph.add(name, "TextEncodeQwenImageEdit", clip=clip, prompt=text, image=shown, **inner)
        ends.append(encoded if inner else graph.references(encoded, [latent]))
    return ends[0], ends[1], latent


def _qwen_sampling(graph: Graph, model: Link, shift: float) -> Link:
    model = graph.add("shift", "ModelSamplingAuraFlow", model=model, shift=shift)
    return graph.add("cfg norm", "CFGNorm", model=model, strength=1.0, pre_cfg=False)


def _qwen(
    graph: Graph,
    model: Link,
    clip: Link,
    vae: Link,
    pictures: list[Link],
    prompt: str,
    seed: int,
    method: str | None,
    steps: int,
    cfg: float,
    reference_pixels: int | None,
) -> Graph:
    if reference_pixels is None:
        latents = graph.encoded(pictures[:1], vae)
        shown, added, inner = pictures, [], {"vae": vae}
    else:
        shown = [graph.scaled(picture, "lanczos", reference_pixels, 16) for picture in pictures]
        latents = added = graph.encoded(shown, vae)
        inner = {}
    ends = []
    for name, text in (("positive", prompt), ("negative", "")):
        slots = {f"image{n}": picture for n, picture in enumerate(shown, 1)}
        encoded = graph.add(name, "TextEncodeQwenImageEditPlus", clip=clip, prompt=text, **inner, **slots)
        encoded = graph.references(encoded, added)
        if method:
            encoded = graph.add(
                f"{name} method",
                "FluxKontextMultiReferenceLatentMethod",
                conditioning=encoded,
                reference_latents_method=method,
            )
        ends.append(encoded)
    samples = graph.sampled(model, *ends, latents[0], seed, steps, cfg)
    return graph.saved(samples, vae)


def _flux2(graph: Graph, guider: Link, vae: Link, picture: Link, seed: int, steps: int) -> Graph:
    size = {"width": graph.add("size", "GetImageSize", image=picture), "height": ["size", 1]}
    samples = graph.add(
        "sample",
        "SamplerCustomAdvanced",
        noise=graph.add("noise", "RandomNoise", noise_seed=seed),
        guider=guider,
        sampler=graph.add("solver", "KSamplerSelect", sampler_name="euler"),
        sigmas=graph.add("sigmas", "Flux2Scheduler", steps=steps, **size),
        latent_image=graph.add("latent", "EmptyFlux2LatentImage", batch_size=1, **size),
    )
    return graph.saved(samples, vae)
