"""The steps that every family's graph is made of. Each adds nodes to a graph and returns a link.

Nodes whose names begin with MultiEdit are ours (nodes/): they encode what ComfyUI's own nodes would encode
twice, and remember it. Everything else is ComfyUI's: noise, guidance, schedules, sampling and decoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .generation import SMALLER_BUDGETS, GenerationPlan
from .graph import GraphNodes, Link, output

Condition = Callable[[str, str, list[Link]], Link]
"""Adds what encodes a text with references: (name, text, references) -> conditioning."""

_EASY_CACHE = {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False}


@dataclass(frozen=True)
class GraphSources:
    """Where a graph gets what it is made from.

    Attributes:
        model: a loaded model, of Load Multi-Edit Model.
        images: the base first.
        mask: edit mask, 1 = change here.
        item: which of a ComfyUI list each link stands for.
        frame: which frame of a batch; a shorter batch serves with its last.
    """

    model: Link
    images: tuple[Link, ...]
    mask: Link | None = None
    item: int = 0
    frame: int = 0


class GraphBuilder:
    """A graph in the making: the plan's decisions, and where its pictures come from."""

    def __init__(
        self, graph: GraphNodes, generation: GenerationPlan, sources: GraphSources, name: str = ""
    ) -> None:
        self.graph = graph
        self.generation = generation
        self.profile = generation.profile
        self._sources = sources
        self._name = name
        parts = self.add(
            "model", "MultiEditModelParts", {"loaded_model": sources.model, "item": sources.item}
        )
        self.bundle, self.model, self.clip, self.vae = (output(parts, number) for number in range(4))

    def add(self, name: str, class_type: str, inputs: Mapping[str, object]) -> Link:
        return self.graph.add(self._name + name, class_type, inputs)

    def fitted_images(self) -> list[Link]:
        """Every image at the size of its reference, for nodes of ComfyUI that encode by themselves."""
        return [
            self.add(f"image_{number}", "MultiEditFit", self._picture(number - 1, fit.to_text()))
            for number, fit in enumerate(self.generation.references, start=1)
        ]

    def accelerated(self, model: Link) -> Link:
        """The model with the speed options that were decided for."""
        if self.generation.kv_cache:
            model = self.add("kv_cache", "FluxKVCache", {"model": model})
        if self.generation.easy_cache:
            model = self.add("easy_cache", "EasyCache", {"model": model, **_EASY_CACHE})
        return model

    def prompt(self, name: str, text: str, references: list[Link]) -> Link:
        """A text, encoded with what the text encoder sees of the references, and with their latents."""
        sockets = {f"references.reference_{n}": link for n, link in enumerate(references, start=1)}
        return self.add(name, "MultiEditPrompt", {"loaded_model": self.bundle, "prompt": text, **sockets})

    def latent(self, empty: str) -> Link:
        """What sampling starts from: the base where there is a mask, else the answer of the node `empty`."""
        generation = self.generation
        if not generation.masked:
            width, height = generation.work
            size = {"width": width, "height": height, "batch_size": generation.seeds}
            return self.add("latent", empty, size)
        fit = generation.base_fit.to_text()
        masked = {**self._picture(0, fit), "mask": self._sources.mask, "seeds": generation.seeds}
        return self.add("latent", "MultiEditMaskedLatent", {"loaded_model": self.bundle, **masked})

    def basic_sigmas(self, model: Link) -> Link:
        profile = self.profile
        schedule = {"scheduler": profile.scheduler, "steps": profile.steps, "denoise": 1.0}
        return self.add("sigmas", "BasicScheduler", {"model": model, **schedule})

    def sampled(
        self, model: Link, condition: Condition, latent: Link, sigmas: Link, *, shrinks: bool = True
    ) -> Link:
        """Sample from the references and the prompt.

        Args:
            shrinks: whether the model takes references of another size than its result, which is what is
                tried when the memory is full.
        """
        shares = SMALLER_BUDGETS if shrinks and self.generation.smaller_steps else ()
        return self._attempt(model, condition, self._common(latent, sigmas), (1.0, *shares))

    def sampled_once(
        self, model: Link, positive: Link, negative: Link | None, latent: Link, sigmas: Link
    ) -> Link:
        """Sample from conditioning that has its references already."""
        inputs = {**self._common(latent, sigmas), "guider": self._guider("", model, positive, negative)}
        return self.add("sample", "MultiEditSample", {**inputs, "smaller": ""})

    def result(self, samples: Link) -> Link:
        """Decode, bring to the plan's size, and keep what the mask does not select."""
        generation = self.generation
        decoded = self.add("decode", "VAEDecode", {"samples": samples, "vae": self.vae})
        size = json.dumps(generation.size)
        if generation.masked:
            base = {**self._picture(0, generation.base_fit.to_text(), "base"), "mask": self._sources.mask}
            return self.add("finish", "MultiEditFinish", {"image": decoded, "size": size, **base})
        if generation.work == generation.size:
            return decoded
        return self.add("scale", "MultiEditScale", {"image": decoded, "size": size})

    def _common(self, latent: Link, sigmas: Link) -> dict[str, Link]:
        """What every attempt at sampling shares."""
        return {
            "noise": self.add("noise", "RandomNoise", {"noise_seed": self.generation.plan.seed}),
            "sampler": self.add("sampler", "KSamplerSelect", {"sampler_name": self.profile.sampler}),
            "sigmas": sigmas,
            "latent": latent,
        }

    def _attempt(
        self, model: Link, condition: Condition, common: dict[str, Link], shares: tuple[float, ...]
    ) -> Link:
        """Sample with references of the first share; what samples with the next is kept as text."""
        share, *smaller = shares
        suffix = "" if share == 1.0 else f"_{round(100 * share)}"
        generation = self.generation if share == 1.0 else self.generation.with_references(share)
        references = [
            self.add(
                f"reference_{number}{suffix}",
                "MultiEditReference",
                {"loaded_model": self.bundle, **self._picture(number - 1, fit.to_text())},
            )
            for number, fit in enumerate(generation.references, start=1)
        ]
        positive = condition(f"prompt{suffix}", generation.plan.prompt, references)
        negative = condition(f"negative{suffix}", "", references) if self.profile.guided else None
        guider = self._guider(suffix, model, positive, negative)
        text = self._kept(model, condition, common, tuple(smaller)) if smaller else ""
        return self.add(f"sample{suffix}", "MultiEditSample", {**common, "guider": guider, "smaller": text})

    def _kept(
        self, model: Link, condition: Condition, common: dict[str, Link], shares: tuple[float, ...]
    ) -> str:
        """The nodes of a further attempt, not in the graph but as the text that one of its nodes adds."""
        outer, self.graph = self.graph, self.graph.beside()
        link = self._attempt(model, condition, common, shares)
        inner, self.graph = self.graph, outer
        return json.dumps({"nodes": inner.nodes, "samples": link})

    def _guider(self, suffix: str, model: Link, positive: Link, negative: Link | None) -> Link:
        if negative is None:
            return self.add(f"guider{suffix}", "BasicGuider", {"model": model, "conditioning": positive})
        inputs = {"model": model, "positive": positive, "negative": negative, "cfg": self.profile.cfg}
        return self.add(f"guider{suffix}", "CFGGuider", inputs)

    def _picture(self, index: int, fit: str, name: str = "image") -> dict[str, object]:
        sources = self._sources
        return {name: sources.images[index], "fit": fit, "item": sources.item, "frame": sources.frame}
