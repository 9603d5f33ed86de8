"""Multi-Edit's graphs beside the official templates' of the same models, in one real ComfyUI on the CPU.

    .venv/bin/python bench/adapters.py [--template] [--model ID ...] [--rounds N] [--minutes N]

The weights are tiny and random (tests/support/tiny_models.py), so the ratios are those of the work around
sampling, which is what differs: loading, the VAE, the vision tower, the text encoder, the nodes themselves.
Both sides have the same three images, steps, seeds and sizes: 256x256 pixels in, sampled and saved. There
the official side is kinder than the template, which encodes its references once for each branch. With
`--template` both run at a megapixel, one round of cold and a new prompt, ComfyUI with PyTorch's attention:
its own for CPUs takes 6 s for each of a model's layers and steps there. Some minutes in all; when those of
`--minutes` are over the run is interrupted, and what was not measured is named.

Four situations, each from what the one before left: cold (ComfyUI's cache emptied), a new seed, a new
prompt, a new third image; and the second and third again after a run in which nothing had changed.
Beside them, what is done before any of it: selecting the files, planning and building the graph.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from support import ROOT, Figure, load_package, machine, print_table

load_package()

from multiedit.pipelines.adapters.comfyui.edit_graph import edit_graph  # noqa: E402
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions  # noqa: E402
from multiedit.pipelines.adapters.comfyui.graph_builder import GraphSources  # noqa: E402
from multiedit.pipelines.adapters.comfyui.profiles.part_files import Shelf  # noqa: E402
from multiedit.pipelines.adapters.comfyui.profiles.profile import PART_FOLDERS  # noqa: E402
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles  # noqa: E402
from multiedit.pipelines.adapters.comfyui.profiles.selection import select_profile  # noqa: E402
from multiedit.pipelines.adapters.comfyui.profiles.weights_file import inspect_weights  # noqa: E402
from multiedit.pipelines.adapters.comfyui.tensor_generation import plan_tensor_generation  # noqa: E402
from multiedit.pipelines.catalog.lookup import load_catalog  # noqa: E402
from multiedit.pipelines.planning.tensor_plan import EditSettings  # noqa: E402
from multiedit.tests.support import official_graphs as official  # noqa: E402
from multiedit.tests.support.comfyui import PACK, Installation, Server  # noqa: E402
from multiedit.tests.support.pictures import SAMPLES  # noqa: E402

SUPPORT = ROOT / "tests" / "support"

MEGAPIXEL = 1024 * 1024
SIDE = 256
ROUNDS = 3
WALL_BAR, NEW_PROMPT_BAR, PLANNING_BAR = 1.02, 0.7, 5.0
MINUTES, TEMPLATE_MINUTES = 60.0, 9.0
GRACE = 120.0  # seconds until a long operation hears that it is interrupted
PLANNED = 50  # times, after one that reads the files' headers
DEAR = ("load_diffusion_model", "load_clip", "load_vae", "load_checkpoint", "encode", "vision", "text")
QWEN = official.Files(
    "qwen_image_edit_2511_bf16.safetensors",
    "qwen_2.5_vl_7b_fp8_scaled.safetensors",
    "qwen_image_vae.safetensors",
    "Qwen-Image-Edit-2511-Lightning-4steps-V1.0-bf16.safetensors",
)
KLEIN = official.Files("flux-2-klein-4b-fp8.safetensors", "qwen_3_4b.safetensors", "flux2-vae.safetensors")
MAGE = official.Files(
    "mage_flow_edit_turbo_bf16.safetensors", "qwen3vl_4b_bf16.safetensors", "mage_flow_vae_bf16.safetensors"
)


@dataclass(frozen=True)
class Case:
    """One model: our name of it, and its official graph."""

    model: str
    profile: str
    graph: Callable[..., official.Graph]


CASES = (
    Case("qwen-edit", "qwen-edit-2511-lightning-4", partial(official.qwen_edit, QWEN, steps=4, cfg=1.0)),
    Case("flux-2-klein-4b-edit", "flux-2-klein-4b", partial(official.flux2_klein, KLEIN)),
    Case("mage-flow-turbo-edit", "mage-flow-edit-turbo", partial(official.mage, MAGE)),
)


@dataclass(frozen=True)
class Situation:
    """What a run is asked. `unchanged` is run twice before it: a run in which nothing changes."""

    name: str
    images: tuple[str, ...]
    prompt: str
    seed: int = 1
    unchanged: Situation | None = None


def situations(turn: int) -> Iterator[Situation]:
    """The situations in their order; no two turns share a picture, a prompt or a seed."""
    images = tuple(f"{turn} {name}.png" for name in ("one", "two", "three"))
    cold = Situation("cold", images, f"turn {turn}", 100 * turn)
    yield cold
    yield replace(cold, name="new seed", seed=cold.seed + 1)
    yield replace(cold, name="new prompt", prompt=f"turn {turn}, and the sea at night")
    yield replace(cold, name="new image", images=(*images[:2], f"{turn} four.png"))
    yield replace(cold, name="new prompt after no change", prompt=f"turn {turn}, a scarf", unchanged=cold)
    yield replace(cold, name="new seed after no change", seed=cold.seed + 2, unchanged=cold)


def template_situations(turn: int) -> Iterator[Situation]:
    """The situations that a megapixel leaves time for."""
    return (each for each in situations(turn) if each.name in ("cold", "new prompt"))


def our_graph(case: Case, asked: Situation, pixels: int | None) -> dict[str, Any]:
    graph = official.Graph()
    loaded = graph.add("load", "MultiEditLoadModel", model=case.model, **{"model.profile": case.profile})
    images = {f"image_{n}": link for n, link in enumerate(graph.images(asked.images), start=1)}
    megapixels = 0.0 if pixels is None else pixels / MEGAPIXEL
    choices = {
        "model.aspect_ratio": "auto",
        "model.resolution": "auto",
        "model.sampling_megapixels": megapixels,
        "model.reference_megapixels": megapixels,
        "keep_size": pixels is not None,
    }
    edited = graph.add(
        "edit",
        "MultiEditEdit",
        model="from loader",
        prompt=asked.prompt,
        seed=asked.seed,
        loaded_model=loaded,
        **choices,
        **images,
    )
    graph.add("save", "SaveImage", images=edited, filename_prefix="ours")
    return graph


@dataclass(frozen=True)
class Seen:
    """One run: seconds from queueing to the end, the server's seconds of CPU (which other programs on the
    machine change less), nodes that ran, and the dear work that was done."""

    seconds: float
    cpu: float
    executed: int
    dear: dict[str, int]


def cpu_seconds(server: Server) -> float:
    """Of all threads of the server; 0 where the system does not tell it."""
    status = Path(f"/proc/{server.process.pid}/stat")
    if not status.exists():
        return 0.0
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class OutOfTime(Exception):
    """The minutes that were given are over."""


def measured(server: Server, graph: dict[str, Any], deadline: float) -> Seen:
    """Run a graph, and interrupt it at the deadline, a time of the monotonic clock."""
    server.post("/tiny/reset")
    left = deadline - time.monotonic()
    stop = threading.Timer(left, server.post, ["/interrupt"])
    stop.start()
    worked, started = cpu_seconds(server), time.perf_counter()
    watched = server.watch(graph, seconds=left + GRACE)
    seconds, cpu = time.perf_counter() - started, cpu_seconds(server) - worked
    stop.cancel()
    if watched.events.ended == "execution_interrupted":
        raise OutOfTime
    if watched.events.ended != "execution_success":
        raise RuntimeError(f"{watched.run.error}\n{server.log[-3000:]}")
    counts = server.json("/tiny/counts")
    return Seen(
        seconds, cpu, len(watched.events.executed), {name: counts[name] for name in DEAR if counts[name]}
    )


def planning(case: Case, models: Path) -> list[Figure]:
    """What Multi-Edit does before ComfyUI runs what it expands into, in milliseconds of this process."""
    import torch

    listed = {
        folder: [path.name for path in (models / folder).glob("*.safetensors")]
        for folder in PART_FOLDERS.values()
    }
    parts = frozenset(part for profile in load_profiles() for part in profile.parts.values())
    inspect = functools.cache(lambda folder, name: inspect_weights(models / folder / name, parts))
    images = [torch.rand(1, 1024, 1024, 3) for _ in range(3)]
    mask = torch.zeros(1, 1024, 1024)
    mask[:, 300:600, 300:700] = 1.0
    settings = EditSettings(case.model, prompt="a hat")
    links = tuple([f"image {number}", 0] for number in range(3))

    def plan(mask: torch.Tensor | None) -> None:
        selection = select_profile(case.model, Shelf(listed, inspect), 8 * 10**9)
        generation, _ = plan_tensor_generation(
            settings, images, mask, selection, GenerationOptions(), load_catalog()
        )
        edit_graph(generation, GraphSources(["model", 0], links, None if mask is None else ["mask", 0]))

    plan(None)
    return [
        Figure(name, min(timed(partial(plan, given)) for _ in range(PLANNED)), PLANNING_BAR, " ms")
        for name, given in (("planned", None), ("and a mask of a megapixel read", mask))
    ]


def timed(work: Callable[[], None]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def compare(
    server: Server,
    case: Case,
    pixels: int | None,
    rounds: int,
    asked: Callable[[int], Iterator[Situation]],
    deadline: float,
) -> None:
    seen: dict[str, dict[str, list[Seen]]] = {}
    try:
        for turn in range(1, rounds + 1):
            run_turn(server, case, pixels, asked(turn), deadline, seen)
    except OutOfTime:
        print("The time is over; of the last turn is only what both sides have done.")
    title = f"{case.profile}: wall time over that of the official graph ({machine()})"
    both = {name: by_side for name, by_side in seen.items() if len(by_side) == 2}
    figures = [figure(name, **by_side) for name, by_side in both.items()]
    print_table(title, [*figures, *planning(case, server.base / "models")])


def run_turn(
    server: Server,
    case: Case,
    pixels: int | None,
    asked: Iterator[Situation],
    deadline: float,
    seen: dict[str, dict[str, list[Seen]]],
) -> None:
    """Run every situation on one side and then on the other; what they took is added to `seen`."""
    sides: dict[str, Callable[[Situation], dict[str, Any]]] = {
        "ours": lambda asked: our_graph(case, asked, pixels),
        "official": lambda asked: case.graph(asked.images, asked.prompt, asked.seed, reference_pixels=pixels),
    }
    turn = [*asked]
    # Each side has the server to itself for a turn: ComfyUI's cache forgets what a run does not use.
    for side, graph in sides.items():
        server.forget()
        for each in turn:
            for _ in range(2 if each.unchanged else 0):
                measured(server, graph(each.unchanged), deadline)
            took = measured(server, graph(each), deadline)
            seen.setdefault(each.name, {}).setdefault(side, []).append(took)


def figure(name: str, ours: list[Seen], official: list[Seen]) -> Figure:
    wall, cpu = (
        statistics.median(spent(a) / max(spent(b), 0.01) for a, b in zip(ours, official, strict=False))
        for spent in (lambda seen: seen.seconds, lambda seen: seen.cpu)
    )
    bar = NEW_PROMPT_BAR if name.startswith("new prompt") else WALL_BAR
    note = f"CPU {cpu:.2f} x; ours {_about(ours)}; official {_about(official)}"
    return Figure(name, wall, bar, " x", note)


def _about(runs: list[Seen]) -> str:
    seconds, cpu = statistics.median(run.seconds for run in runs), statistics.median(run.cpu for run in runs)
    dear = ", ".join(f"{count} {name}" for name, count in runs[-1].dear.items())
    return (
        f"{seconds:.2f} s ({cpu:.2f} CPU), {runs[-1].executed} nodes, {dear or 'nothing loaded or encoded'}"
    )


def make_pictures(folder: Path, rounds: int) -> list[Path]:
    """Four pictures for each turn, parts of the samples that no other turn has."""
    files = []
    photograph = Image.open(SAMPLES / "coffee.jpg")
    for turn in range(1, rounds + 1):
        for index, name in enumerate(("one", "two", "three", "four")):
            left, top = 7 * turn + 20 * index, 5 * turn + 10 * index
            files.append(folder / f"{turn} {name}.png")
            photograph.crop((left, top, left + SIDE, top + SIDE)).save(files[-1])
    return files


@contextmanager
def model_server(*arguments: str) -> Iterator[Server]:
    """A ComfyUI with the pack, tiny models and the counting shim."""
    installation = Installation.find()
    if reason := installation.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        command = [installation.python, SUPPORT / "tiny_models.py", "--comfyui", installation.home]
        subprocess.run([*command, base / "models"], check=True, capture_output=True)
        packs = {"multi-edit": PACK, "tiny_shim": SUPPORT / "tiny_shim"}
        server = Server(installation, base, packs, arguments)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    models = [case.model for case in CASES]
    parser.add_argument("--template", action="store_true", help="at the templates' own size, a megapixel")
    parser.add_argument("--model", action="append", choices=models, help="one of several; all by default")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} by default, 1 with --template")
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"all of it, {MINUTES:g} by default, {TEMPLATE_MINUTES:g} with --template",
    )
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.template else ROUNDS)
    minutes = options.minutes or (TEMPLATE_MINUTES if options.template else MINUTES)
    deadline = time.monotonic() + 60 * minutes
    asked = template_situations if options.template else situations
    attention = ("--use-pytorch-cross-attention",) if options.template else ()
    with model_server(*attention) as server:
        server.add_inputs(*make_pictures(server.base, rounds))
        for case in (case for case in CASES if case.model in (options.model or models)):
            if time.monotonic() > deadline:
                print(f"{case.profile}: not measured, the {minutes:g} minutes are over.")
                continue
            compare(server, case, None if options.template else SIDE * SIDE, rounds, asked, deadline)


if __name__ == "__main__":
    main()
