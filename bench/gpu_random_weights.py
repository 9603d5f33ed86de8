"""Multi-Edit beside the official templates with models of full size, on a GPU, without any model file.

    COMFYUI_PATH=ComfyUI ComfyUI/venv/bin/python bench/gpu_random_weights.py [--fp8]

Qwen-Image-Edit-2511 and FLUX.2 klein 4B with random weights, which take as long as the real ones: the picture
means nothing, the times do. ComfyUI runs in this process, on the device of its own choice and with its plain
memory management (a server on NVIDIA has DynamicVRAM, which needs files). Both sides have the same objects,
pictures, prompts, seeds, steps and size: 1 megapixel. The pictures and the result are no files either.

Three situations, the weights being where the run before left them: cold, when pictures and prompt were never
seen; a new prompt; a new seed. Printed is a table for docs/performance.md. On an H200 it takes some minutes;
bf16 needs 64 GB of memory beside a card that holds less. `--tiny` runs all of it on a CPU, with tiny models
and pictures; its figures say nothing.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import itertools
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import adapters
import random_models
from adapters import Situation, our_graph
from in_process import Executor, Graph, Loader, Result, register, without_files
from multiedit.tests.support import official_graphs as official
from support import ROOT, load_comfyui, load_package, machine

IMAGES = (1, 2, 3)
ROUNDS = 2
TINY_PIXELS = 128 * 128
GIGABYTE = 10**9
HEADER = (
    "model", "images", "", "s per step", "cold, s", "new prompt, s", "new seed, s",
    "outside the sampler, s", "peak memory, GB", "weights, GB",
)  # fmt: skip
NOTE = (
    "Cold is with pictures and a prompt that were never seen. Outside the sampler are three figures: cold, "
    "new prompt, new seed. Every further step adds its seconds. Peak memory is torch's count, weights are "
    "what ComfyUI counts on the device."
)


@dataclass(frozen=True)
class Case(adapters.Case):
    """One profile of ours and the official graph of the same model.

    Attributes:
        weights: which random model it runs.
        steps: how many are run; of a profile with many, two tell what each takes.
    """

    weights: str
    steps: int


qwen = partial(official.qwen_edit, official.Files(""))
klein = partial(official.flux2_klein, official.Files(""))
CASES = (
    Case("qwen-edit", "qwen-edit-2511-lightning-4", qwen, "Qwen-Image-Edit-2511", 4),
    Case("qwen-edit", "qwen-edit-2511-full", qwen, "Qwen-Image-Edit-2511", 2),
    Case("flux-2-klein-4b-edit", "flux-2-klein-4b", klein, "FLUX.2 klein 4B", 4),
)


@dataclass(frozen=True)
class Run:
    """One edit.

    Attributes:
        seconds: from queueing to the result in memory.
        sampling: of that, within the sampler; the weights are on the device before.
        step: seconds of one of its steps.
        peak: bytes on the device at most, None where torch does not count them.
        weights: bytes of weights that ComfyUI had on the device afterwards.
    """

    seconds: float
    sampling: float
    step: float
    peak: int | None
    weights: int

    @property
    def outside(self) -> float:
        return self.seconds - self.sampling


class Device:
    """What ComfyUI computes on."""

    def __init__(self) -> None:
        import torch
        from comfy import model_management

        self._management = model_management
        self.device = model_management.get_torch_device()
        self._module = torch.get_device_module(self.device)
        self._counts = hasattr(self._module, "max_memory_allocated")
        self.synchronize: Callable[[], None] = self._module.synchronize

    def reset_peak(self) -> None:
        if self._counts:
            self._module.reset_peak_memory_stats()

    def peak(self) -> int | None:
        return self._module.max_memory_allocated() if self._counts else None

    def weights(self) -> int:
        return sum(loaded.model_loaded_memory() for loaded in self._management.current_loaded_models)

    def empty(self) -> None:
        """Give back what nothing refers to any more."""
        gc.collect()
        self._management.unload_all_models()
        self._management.soft_empty_cache()

    def described(self) -> str:
        """Card, driver, and the versions of torch and ComfyUI."""
        import comfyui_version
        import torch

        name = self._management.get_torch_device_name(self.device)
        versions = f"torch {torch.__version__}, ComfyUI {comfyui_version.__version__}"
        return f"{name}, {_driver()}, {versions}"


def _driver() -> str:
    import torch

    if torch.version.hip:
        return f"HIP {torch.version.hip}"
    if torch.cuda.is_available() and (tool := shutil.which("nvidia-smi")):
        asked = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        return f"driver {answer.splitlines()[0]}"
    return f"{platform.system()} {platform.release()}, {machine()}"


@contextmanager
def timed_sampler(device: Device) -> Iterator[list[tuple[float, int]]]:
    """Seconds and steps of every sampling, by ComfyUI's own loop of any sampler."""
    from comfy.samplers import KSAMPLER

    inner, spans = KSAMPLER.sample, []

    def sample(self: Any, model: Any, sigmas: Any, *arguments: Any, **options: Any) -> Any:
        device.synchronize()
        started = time.perf_counter()
        samples = inner(self, model, sigmas, *arguments, **options)
        device.synchronize()
        spans.append((time.perf_counter() - started, len(sigmas) - 1))
        return samples

    with patch.object(KSAMPLER, "sample", sample):
        yield spans


def measured(executor: Executor, graph: Graph, device: Device) -> Run:
    outputs = executor.outputs(graph)
    device.reset_peak()
    with timed_sampler(device) as spans:
        device.synchronize()
        started = time.perf_counter()
        executor.run(graph, outputs)
        device.synchronize()
        seconds = time.perf_counter() - started
    ((sampling, steps),) = spans
    return Run(seconds, sampling, sampling / steps, device.peak(), device.weights())


def situations(name: str, images: int) -> tuple[Situation, ...]:
    """In their order; no two names share a picture or a prompt."""
    pictures = tuple(f"{name}, picture {number}" for number in range(1, images + 1))
    cold = Situation("cold", pictures, f"a hat for {name}", 1)
    prompt = replace(cold, name="new prompt", prompt=f"a scarf for {name}, at night")
    return cold, prompt, replace(prompt, name="new seed", seed=2)


@dataclass(frozen=True)
class Bench:
    """How everything is measured.

    Attributes:
        images: how many an edit has; each is measured.
        pixels: area that is sampled and of a reference; None is the template's.
    """

    device: Device
    images: Sequence[int]
    rounds: int
    pixels: int | None

    def rows(self, case: Case, loaded: random_models.Loaded) -> Iterator[str]:
        """Both sides of a case. Each has a cache of nodes of its own; they share the loaded model."""
        from multiedit.nodes.loaded_model import LoadedModel
        from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
        from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection

        profile = replace(load_profiles().get(case.profile), steps=case.steps)
        parts = (loaded.model, loaded.clip, loaded.vae)
        Loader.loaded = LoadedModel(case.model, ProfileSelection(profile, {}, ()), *parts)
        sides = {"ours": Executor(), "stock": Executor()}
        for images in self.images:
            seen = self._compared(case, profile.cfg, images, sides)
            yield from (row(case, images, side, runs) for side, runs in seen.items())
        Loader.loaded = None

    def _compared(
        self, case: Case, cfg: float, images: int, sides: dict[str, Executor]
    ) -> dict[str, dict[str, list[Run]]]:
        """The runs of each side in each situation. The sides take turns, first one, then the other first."""
        seen: dict[str, dict[str, list[Run]]] = {side: {} for side in sides}
        for turn in range(self.rounds + 1):
            asked = situations(f"{case.profile}, {images} images, turn {turn}", images)
            shapes = set()
            for side in sides if turn % 2 else reversed(sides):
                # Turn 0 brings the weights onto the device and is not counted.
                for each in asked if turn else asked[:1]:
                    run = measured(sides[side], self._graph(case, side, each, cfg), self.device)
                    if turn:
                        seen[side].setdefault(each.name, []).append(run)
                shapes.add(Result.shape)
            if self.pixels is None and len(shapes) > 1:  # with fewer, ours is brought to the plan's size
                raise RuntimeError(f"the results have different sizes: {shapes}")
        return seen

    def _graph(self, case: Case, side: str, asked: Situation, cfg: float) -> Graph:
        if side == "ours":
            return without_files(our_graph(case, asked, self.pixels), case.profile)
        sampling = {"steps": case.steps, "cfg": cfg, "reference_pixels": self.pixels}
        graph = case.graph(asked.images, asked.prompt, asked.seed, **sampling)
        return without_files(graph, case.profile)


def row(case: Case, images: int, side: str, by_situation: dict[str, list[Run]]) -> str:
    runs = [run for each in by_situation.values() for run in each]

    def median(value: Callable[[Run], float], among: list[Run]) -> str:
        return f"{statistics.median(map(value, among)):.3g}"

    peaks = [run.peak for run in runs if run.peak is not None]
    return line(
        f"{case.profile}, {case.steps} steps",
        images,
        side,
        median(lambda run: run.step, runs),
        *(median(lambda run: run.seconds, each) for each in by_situation.values()),
        " / ".join(median(lambda run: run.outside, each) for each in by_situation.values()),
        f"{max(peaks) / GIGABYTE:.3g}" if peaks else "not counted",
        f"{max(run.weights for run in runs) / GIGABYTE:.3g}",
    )


def line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def heading(device: Device, rounds: int, fp8: bool) -> str:
    kind = "fp8, those of text encoder and VAE bf16" if fp8 else "bf16"
    sizes = (f"{name}: {parts.billions()}." for name, parts in random_models.FULL.items())
    return "\n".join(
        (
            f"{datetime.date.today()}, {device.described()}. Random weights in {kind}; medians of "
            f"{rounds} rounds. Parameters in billions:",
            *sizes,
            "",
            line(*HEADER),
            line(*["---"] * len(HEADER)),
        )
    )


def measure(models: dict[str, random_models.Parts], bench: Bench, fp8: bool) -> None:
    """Print every row as soon as it is there."""
    device = bench.device
    print(heading(device, bench.rounds, fp8), flush=True)
    for weights, cases in itertools.groupby(CASES, key=lambda case: case.weights):
        loaded = random_models.load(models[weights], device.device, fp8)
        for case in cases:
            for each in bench.rows(case, loaded):
                print(each, flush=True)
        del loaded
        device.empty()
    print(f"\n{NOTE}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fp8", action="store_true", help="diffusion models in fp8, computed in fp8")
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU, to try this program")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured; {ROUNDS}, with --tiny 1")
    parser.add_argument(
        "--images", type=int, nargs="+", choices=IMAGES, default=IMAGES, help="how many an edit has"
    )
    options = parser.parse_args()
    load_package()
    nodes = load_comfyui(("--cpu",) if options.tiny else ())
    if nodes is None:
        sys.exit("COMFYUI_PATH names no ComfyUI.")
    import torch

    register(nodes)
    if options.tiny:
        sys.path.append(str(ROOT / "tests" / "support" / "tiny_shim"))
        import widths

        torch.set_num_threads(1)
        widths.read_widths_from_files()
    device = Device()
    models = random_models.TINY if options.tiny else random_models.FULL
    rounds = options.rounds or (1 if options.tiny else ROUNDS)
    pixels = TINY_PIXELS if options.tiny else None
    with torch.inference_mode():
        measure(models, Bench(device, options.images, rounds, pixels), options.fp8)


if __name__ == "__main__":
    main()
