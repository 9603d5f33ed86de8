"""Multi-Edit with a loaded model as prompts in API format, small enough for a CPU."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from multiedit.tests.support.comfyui import Run, Server
from PIL import Image

Prompt = dict[str, Any]
MEGAPIXELS = 0.016
SIZE = (160, 112)


def picture(server: Server, name: str, seed: int, size: tuple[int, int] = SIZE, mode: str = "RGB") -> str:
    """An image of noise of its own in the server's input folder; its name."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, len(mode)), np.uint8)
    Image.fromarray(noise.squeeze(), mode).resize(size).save(server.base / "input" / name)
    return name


def mask(server: Server, name: str = "mask.png", size: tuple[int, int] = SIZE) -> str:
    """A mask of the middle of an image; its name."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[size[1] // 4 : size[1] * 3 // 4, size[0] // 4 : size[0] * 3 // 4] = 255
    Image.fromarray(pixels).save(server.base / "input" / name)
    return name


def edit(
    model: str,
    images: Sequence[str],
    mask: str | None = None,
    *,
    prompt: str = "a hat",
    seed: int = 1,
    loader: Prompt | None = None,
    keep_size: bool = True,
    extend: str = "",
    steps: int | None = None,
    **options: Any,
) -> Prompt:
    """Load Image, Load Multi-Edit Model, Multi-Edit and Save Image.

    Args:
        steps: of Multi-Edit Sampling; without it there is no such node.
        options: those below `model`.
    """
    graph: Prompt = {}
    inputs: Prompt = {"model": "from loader", "model.aspect_ratio": "auto", "model.resolution": "auto"}
    small = {"sampling_megapixels": MEGAPIXELS, "reference_megapixels": MEGAPIXELS}
    inputs |= {f"model.{name}": value for name, value in {**small, **options}.items()}
    for number, name in enumerate(images, start=1):
        graph[f"image {number}"] = node("LoadImage", image=name)
        inputs[f"image_{number}"] = [f"image {number}", 0]
    if mask:
        graph["mask"] = node("LoadImageMask", image=mask, channel="red")
        inputs["mask"] = ["mask", 0]
    graph["model"] = node("MultiEditLoadModel", **{"model": model, "model.profile": "auto", **(loader or {})})
    asked = {"prompt": prompt, "seed": seed, "keep_size": keep_size, "loaded_model": ["model", 0]}
    asked |= {"extend": extend} if extend else {}
    graph["edit"] = node("MultiEditEdit", **inputs, **asked)
    graph["save"] = node("SaveImage", images=["edit", 0], filename_prefix="edit")
    return graph if steps is None else changed(graph, "MultiEditSampling", "sampling", steps=steps)


def changed(prompt: Prompt, class_type: str, name: str = "changed", **widgets: Any) -> Prompt:
    """With another node between the model and Multi-Edit."""
    before = prompt["edit"]["inputs"]["loaded_model"]
    prompt[name] = node(class_type, loaded_model=before, **widgets)
    prompt["edit"]["inputs"]["loaded_model"] = [name, 0]
    return prompt


def node(class_type: str, /, **inputs: Any) -> Prompt:
    return {"class_type": class_type, "inputs": inputs}


def pixels(server: Server, run: Run) -> list[np.ndarray]:
    """The images that a run saved."""
    assert "execution_success" in run.events, run.error
    return [np.asarray(Image.open(io.BytesIO(server.view(file)))) for file in run.files("save")]


def result(server: Server, prompt: Prompt) -> np.ndarray:
    """The one image of a prompt."""
    (only,) = pixels(server, server.run(prompt))
    return only


def counts(server: Server) -> dict[str, int]:
    """The phases that ran since the last reset, and how often."""
    return {phase: count for phase, count in server.json("/tiny/counts").items() if count}


class Weights:
    """Files of the server's `models` folder; put back as they were by `restore`."""

    def __init__(self, server: Server) -> None:
        self._models = server.base / "models"
        self._sources: dict[Path, Path] = {}

    def copy(self, name: str) -> Path:
        """A file by its own name, no longer a link to that of other runs."""
        (path,) = self._models.glob(f"*/{name}.safetensors")
        if path.is_symlink():
            self._sources[path] = Path(os.readlink(path))
            path.unlink()
            shutil.copyfile(self._sources[path], path)
        return path

    def renew(self, *names: str) -> None:
        """Other weights, as far as one can see: nothing that was remembered of them holds."""
        for name in names:
            path = self.copy(name)
            later = path.stat().st_mtime_ns + 1_000_000_000
            os.utime(path, ns=(later, later))

    def restore(self) -> None:
        for path, source in self._sources.items():
            path.unlink(missing_ok=True)
            path.symlink_to(source)
