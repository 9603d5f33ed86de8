"""The parts of every family's graph: methods that add nodes to a graph and return a link.

Nodes whose names begin with MultiEdit are ours (nodes/): they encode what ComfyUI's own nodes would encode
twice, and cache it. Everything else is ComfyUI's: noise, guidance, schedules, sampling and decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...planning.mask_options import MaskOptions
from .generation_plan import SMALLER_SHARES, GenerationPlan
from .graph import GraphNodes, Link, output
from .reference_fit import ReferenceFit

Condition = Callable[[str, str, list[Link]], Link]
"""Adds what encodes a text with references: (name, text, references) -> conditioning."""

_EASY_CACHE = {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False}


@dataclass(frozen=True)
class GraphSources:
    """The links that a graph is made from.

    Attributes:
        model: a loaded model, of Load Multi-Edit Model.
        images: the base first.
        mask: edit mask, 1 = change here.
        item: which of a ComfyUI list each link stands for.
        frame: which frame of a batch; a shorter batch serves with its last.
        shown: what the model is shown of the base, where that is another image.
        upsampler: a text generator, of CLIP's type, that writes the prompt anew.
    """

    model: Link
    images: tuple[Link, ...]
    mask: Link | None = None
    item: int = 0
    frame: int = 0
    shown: Link | None = None
    upsampler: Link | None = None


class GraphBuilder:
    """Builds the graph of one frame from the plan's decisions and its sources."""

    def __init__(
        self, graph: GraphNodes, generation: GenerationPlan, sources: GraphSources, name: str = ""
    ) -> None:
        self.graph = graph
        self.generation = generation
        self.profile = generation.profile
        self._sources = sources
        self._name = name
        self.upsampler = sources.upsampler
        parts = self.add(
            "model", "MultiEditModelParts", {"loaded_model": sources.model, "item": sources.item}
        )
        self.bundle, self.model, self.clip, self.vae = (output(parts, number) for number in range(4))
        self._mask = self._grown_mask()
        self._shown = self._prefilled()

    def add(self, name: str, class_type: str, inputs: Mapping[str, object]) -> Link:
        return self.graph.add(self._name + name, class_type, inputs)

    def fit_images(self, alpha: bool = False) -> list[Link]:
        """Bring every image to the size of its reference, for nodes of ComfyUI that encode by themselves.

        Args:
            alpha: images keep theirs; otherwise transparency shows white.
        """
        return [
            self.add(f"image_{number}", "MultiEditFit", {**self._reference(number - 1, fit), "alpha": alpha})
            for number, fit in enumerate(self.generation.references, start=1)
        ]

    def accelerate(self, model: Link) -> Link:
        """Add the speed options that were decided for."""
        if self.generation.kv_cache:
            model = self.add("kv_cache", "FluxKVCache", {"model": model})
        if self.generation.easy_cache:
            model = self.add("easy_cache", "EasyCache", {"model": model, **_EASY_CACHE})
        return model

    def encode_prompt(self, name: str, text: str, references: list[Link], vision: bool = True) -> Link:
        """Encode a text with what the text encoder sees of the references, and with their latents.

        Args:
            vision: False has the text encoder see no image.
        """
        sockets = {f"references.reference_{n}": link for n, link in enumerate(references, start=1)}
        inputs: dict[str, object] = {"loaded_model": self.bundle, "prompt": text, **sockets}
        return self.add(name, "MultiEditPrompt", inputs if vision else {**inputs, "vision": False})

    def inpaint(self, name: str, conditioning: Link) -> Link:
        """Add the base without what the mask selects, and the mask, for a model that has inputs for them."""
        inputs = {**self._image(0, self.generation.base_fit), "mask": self._mask}
        inputs |= {"loaded_model": self.bundle, "conditioning": conditioning}
        return self.add(f"{name}_inpaint", "MultiEditInpaint", inputs)

    def start_latent(self, empty: str) -> Link:
        """Add what sampling starts from: the base with a mask or little noise, else the node `empty`'s."""
        generation = self.generation
        if not generation.masked and self.profile.denoise == 1.0:
            width, height = generation.work
            size = {"width": width, "height": height, "batch_size": generation.batch_size}
            return self.add("latent", empty, size)
        base = self._image(0, generation.base_fit)
        masked = {"mask": self._mask} if generation.masked else {}
        bundle = {"loaded_model": self.bundle, "batch_size": generation.batch_size}
        return self.add("latent", "MultiEditMaskedLatent", {**base, **masked, **bundle})

    def basic_sigmas(self, model: Link) -> Link:
        profile = self.profile
        schedule = {"scheduler": profile.scheduler, "steps": profile.steps, "denoise": profile.denoise}
        return self.add("sigmas", "BasicScheduler", {"model": model, **schedule})

    def last_sigmas(self, sigmas: Link) -> Link:
        """Leave of a whole schedule the profile's share, for schedulers that take none."""
        if self.profile.denoise == 1.0:
            return sigmas
        share = {"sigmas": sigmas, "denoise": self.profile.denoise}
        return output(self.add("last_sigmas", "SplitSigmasDenoise", share), 1)

    def sample(
        self, model: Link, condition: Condition, latent: Link, sigmas: Link, *, shrinks: bool = True
    ) -> Link:
        """Sample from the references and the prompt.

        Args:
            shrinks: whether the model takes references of another size than its result, which is what is
                tried when it is out of memory.
        """
        shares = (1.0, *SMALLER_SHARES) if shrinks and self.generation.retry_smaller else (1.0,)
        inputs = self._sampler_inputs(latent, sigmas)
        for share in shares:
            samples = self._attempt(model, condition, inputs, share, last=share == shares[-1])
            inputs = {**inputs, "previous": samples}
        return samples

    def sample_once(
        self, model: Link, positive: Link, negative: Link | None, latent: Link, sigmas: Link
    ) -> Link:
        """Sample from conditioning that has its references already."""
        inputs = {**self._sampler_inputs(latent, sigmas), "last": True}
        guider = self._guider("", model, positive, negative)
        return self.add("sample", "MultiEditSample", {**inputs, "guider": guider})

    def finish(self, samples: Link) -> Link:
        """Decode, bring to the plan's size, and keep what the mask does not select."""
        generation = self.generation
        decoded = self.add("decode", "VAEDecode", {"samples": samples, "vae": self.vae})
        size = dict(zip(("width", "height"), generation.size, strict=True))
        if generation.masked:
            base = {**self._image(0, generation.base_fit, "base"), "mask": self._mask}
            return self.add("finish", "MultiEditFinish", {"image": decoded, **size, **base, **self._edge()})
        if generation.work == generation.size:
            return decoded
        return self.add("scale", "MultiEditScale", {"image": decoded, **size})

    def _sampler_inputs(self, latent: Link, sigmas: Link) -> dict[str, object]:
        """Return what every attempt at sampling shares."""
        return {
            "noise": self.add("noise", "RandomNoise", {"noise_seed": self.generation.plan.seed}),
            "sampler": self.add("sampler", "KSamplerSelect", {"sampler_name": self.profile.sampler}),
            "sigmas": sigmas,
            "latent": latent,
        }

    def _attempt(
        self, model: Link, condition: Condition, inputs: Mapping[str, object], share: float, *, last: bool
    ) -> Link:
        """Add an attempt at sampling, with references of a share of their area."""
        suffix = "" if share == 1.0 else f"_{round(100 * share)}"
        references = [
            self.add(
                f"reference_{number}{suffix}",
                "MultiEditReference",
                {"loaded_model": self.bundle, **self._reference(number - 1, fit)},
            )
            for number, fit in enumerate(self.generation.reference_fits(share), start=1)
        ]
        positive = condition(f"prompt{suffix}", self.generation.plan.prompt, references)
        unwanted = self.profile.negative_prompt
        negative = condition(f"negative{suffix}", unwanted, references) if self.profile.guided else None
        guider = self._guider(suffix, model, positive, negative)
        return self.add(f"sample{suffix}", "MultiEditSample", {**inputs, "guider": guider, "last": last})

    def _guider(self, suffix: str, model: Link, positive: Link, negative: Link | None) -> Link:
        if negative is None:
            return self.add(f"guider{suffix}", "BasicGuider", {"model": model, "conditioning": positive})
        inputs = {"model": model, "positive": positive, "negative": negative, "cfg": self.profile.cfg}
        return self.add(f"guider{suffix}", "CFGGuider", inputs)

    def _grown_mask(self) -> Link | None:
        """The mask as every part of the graph takes it."""
        grow = self.generation.plan.mask_options.grow
        if not (self.generation.masked and grow):
            return self._sources.mask
        size = dict(zip(("width", "height"), self.generation.size, strict=True))
        masked = {"image": self._sources.images[0], "mask": self._sources.mask}
        return self.add("grown_mask", "MultiEditGrowMask", {**masked, **size, "grow": grow, **self._place()})

    def _prefilled(self) -> Link:
        """The base as the model sees it as a reference."""
        fill = self.generation.plan.mask_options.fill
        shown = self._sources.shown or self._sources.images[0]
        if not (self.generation.masked and self.generation.references) or fill == "keep":
            return shown
        masked = {"image": shown, "mask": self._mask}
        return self.add("fill", "MultiEditFill", {**masked, "fill": fill, **self._place()})

    def _edge(self) -> dict[str, object]:
        """The options of the result's edge and of what is matched, where they are not the usual ones."""
        options = self.generation.plan.mask_options
        usual = MaskOptions()
        names = ("feather", "pull_in", "color_match", "align")
        return {
            name: getattr(options, name) for name in names if getattr(options, name) != getattr(usual, name)
        }

    def _reference(self, index: int, fit: ReferenceFit) -> dict[str, object]:
        image = self._image(index, fit)
        return image if index else {**image, "image": self._shown}

    def _image(self, index: int, fit: ReferenceFit, name: str = "image") -> dict[str, object]:
        return {name: self._sources.images[index], **self._place(), "fit": fit.to_dict()}

    def _place(self) -> dict[str, object]:
        """Which of a list and of a batch a node takes of its sources."""
        return {"item": self._sources.item, "frame": self._sources.frame}
