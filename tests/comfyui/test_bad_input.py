"""What may be asked wrongly of a model: node, HTTP API and shell say it before anything is loaded.

Parts of another family are the node's alone: test_given_parts.py.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from multiedit.cli.main import main
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.documented import KEY
from multiedit.tests.support.edit_prompts import Prompt, changed, counts, edit, node
from PIL import Image

QWEN, KLEIN, LONGCAT = "qwen-edit", "flux-2-klein-4b-edit", "longcat-image-edit"
KLEIN_LORA, NO_LORA = "Flux_2-Turbo-LoRA_comfyui.safetensors", "nobody.safetensors"
SIZE = (320, 256)
MEGAPIXELS = 0.016


@dataclass(frozen=True)
class Asked:
    """An edit that has something wrong.

    Attributes:
        images: names, the base first; a mask is one of them.
        multiedit: fields of the request; the shell has options of their names.
        at_node: what makes the same of the graph, where that is not an input of Multi-Edit.
        said: words of the error, or of the note: of the node, and of the two others if they say it otherwise.
    """

    said: tuple[str, ...]
    multiedit: dict[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ("base.png",)
    model: str = KLEIN
    at_node: Callable[[Prompt], Prompt] = lambda prompt: prompt


def sampled(**widgets: Any) -> Callable[[Prompt], Prompt]:
    return lambda prompt: changed(prompt, "MultiEditSampling", **widgets)


def with_lora(name: str) -> Callable[[Prompt], Prompt]:
    return lambda prompt: changed(prompt, "MultiEditLora", lora_name=name, strength_model=1.0)


NOTHING = "The mask selects nothing, so no pixel of image 1 may change"
TWO = "images has 2 images; the limit of longcat-image-edit is 1"
REFUSED = {
    "a LoRA that is not there": Asked(
        ("Value not in list", f"multiedit.loras has {NO_LORA}, which is not in models/loras"),
        {"loras": [{"name": NO_LORA}]},
        at_node=with_lora(NO_LORA),
    ),
    "a mask of nothing": Asked((NOTHING,), images=("base.png", "black.png")),
    "an extension beyond the largest side": Asked(
        ("multiedit.extend makes image 1 120320x256; the limit is ",),
        {"extend": {"left": 60000, "right": 60000}},
    ),
    "more images than the model takes": Asked((TWO,), images=("base.png", "second.png"), model=LONGCAT),
    "no steps": Asked(("steps is 0; it must be ",), {"steps": 0}, at_node=sampled(steps=0)),
    "an unknown sampler": Asked(
        ("Value not in list", "sampler"), {"sampler": "eular"}, at_node=sampled(sampler="eular")
    ),
}
NOTED = {
    "a mask of everything": Asked(
        ("The mask lets all of image 1 change.",), images=("base.png", "white.png")
    ),
    "a negative prompt without guidance": Asked(
        ("The negative prompt has no effect: cfg is 1, which is without guidance. Set cfg above 1.",),
        {"negative_prompt": "fog"},
        at_node=sampled(negative_prompt="fog"),
    ),
}
MISFIT = Asked(
    (f"LoRA {KLEIN_LORA} does not fit: none of its 12 tensors is for Qwen-Image-Edit 2511",),
    {"loras": [{"name": KLEIN_LORA}]},
    model=QWEN,
    at_node=with_lora(KLEIN_LORA),
)


@pytest.fixture
def server(model_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """With nothing loaded, and its input folder for the working directory."""
    folder = model_server.base / "input"
    noise = np.random.default_rng(1).integers(0, 256, (32, 40, 3), np.uint8)
    Image.fromarray(noise).resize(SIZE).save(folder / "base.png")
    Image.fromarray(noise[::-1]).resize(SIZE).save(folder / "second.png")
    for name, level in (("black.png", 0), ("white.png", 255)):
        Image.new("L", SIZE, level).save(folder / name)
    monkeypatch.chdir(folder)
    model_server.forget()
    model_server.post("/tiny/reset")
    yield model_server
    model_server.post("/tiny/reset")


def sides(extend: dict[str, int]) -> str:
    return ",".join(f"{side}={pixels}" for side, pixels in extend.items())


def at_node(server: Server, asked: Asked) -> tuple[bool, str]:
    """Whether the edit was made, and the error or the summary."""
    prompt = edit(asked.model, asked.images, extend=sides(asked.multiedit.get("extend", {})))
    prompt = asked.at_node(prompt)
    prompt["summary"] = node("PreviewAny", source=["edit", 2])
    try:
        run = server.run(prompt)
    except AssertionError as refusal:
        return False, str(refusal)
    made = "execution_success" in run.events
    return made, run.entry["outputs"]["summary"]["text"][0] if made else run.error


def over_http(server: Server, asked: Asked) -> tuple[bool, str]:
    """Whether the edit was made, and the error or the plan in the file."""
    extras = {"sampling_megapixels": MEGAPIXELS, **asked.multiedit}
    fields = {"prompt": "a hat", "modelId": asked.model, "output_format": "png", "safe_mode": "false"}
    response = httpx.post(
        f"{server.url}/api/v1/image/multi-edit",
        data=fields | {"multiedit": json.dumps(extras)},
        files=[("images", (name, Path(name).read_bytes())) for name in asked.images],
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=120,
    )
    if response.status_code == 200:
        return True, str(Image.open(io.BytesIO(response.content)).info["multiedit"])
    assert response.status_code == 400, response.text
    return False, response.text


def in_shell(server: Server, asked: Asked) -> tuple[bool, str]:
    """Whether the edit was made, and what the standard error says."""
    options = {"sampling_megapixels": MEGAPIXELS, **asked.multiedit}
    if "extend" in options:
        options["extend"] = sides(options["extend"])
    if "loras" in options:
        options["lora"] = options.pop("loras")[0]["name"]
    words = [word for name in asked.images for word in ("--image", name)]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    more = ["--comfyui", server.url, "--model", asked.model, "--prompt", "a hat", "--no-safe-mode"]
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main(["edit", *words, *more, "-o", "shell.png"])
    assert code in (0, 2), errors.getvalue()
    return code == 0, errors.getvalue()


ENTRY_POINTS = (at_node, over_http, in_shell)


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_before_anything_is_loaded(server: Server, asked: Asked) -> None:
    for ask in ENTRY_POINTS:
        made, said = ask(server, asked)
        assert not made
        assert asked.said[0 if ask is at_node else -1] in said, ask.__name__
    assert counts(server) == {}


@pytest.mark.parametrize("asked", NOTED.values(), ids=NOTED)
def test_what_has_no_effect_is_noted(server: Server, asked: Asked) -> None:
    """Three whole edits by a tiny model, which take seconds on a processor."""
    for ask in ENTRY_POINTS:
        made, said = ask(server, asked)
        assert made, said
        assert asked.said[0] in said, ask.__name__


def test_a_lora_that_does_not_fit_is_refused_before_anything_is_sampled(server: Server) -> None:
    """The model has to be there: what fits it is ComfyUI's to say."""
    for ask in ENTRY_POINTS:
        made, said = ask(server, MISFIT)
        assert not made
        assert MISFIT.said[0] in said, ask.__name__
    assert not {"text", "encode", "sample"} & set(counts(server))
