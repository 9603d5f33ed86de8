"""Edits inside a mask with the options of the mask, by tiny random weights in a real ComfyUI."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.edit_prompts import Prompt, counts, edit, node, picture, pixels, result
from multiedit.tests.support.metadata import read_metadata
from multiedit.tests.support.pictures import PICTURES
from PIL import Image, ImageFilter

KLEIN, FILL = "flux-2-klein-4b-edit", "flux-1-fill-dev"
COFFEE = PICTURES[0]
SIZE = (600, 400)
# One of each way in which a model has the base, the last one without seeing what the mask selects.
MASKED = ["qwen-edit", KLEIN, "mage-flow-turbo-edit", "boogu-image-edit", "flux-1-kontext-dev-edit", FILL]
MEASURED = "Measured outside the mask"


@pytest.fixture
def server(model_server: Server) -> Server:
    return model_server


def mask(server: Server, name: str, noise: int = 0) -> str:
    """A mask of a rectangle, on black or nearly black; its name."""
    image = Image.new("L", SIZE, noise)
    image.paste(255, (260, 150, 340, 250))
    image.save(server.base / "input" / name)
    return name


def grown(server: Server, name: str, pixels: int) -> np.ndarray:
    with Image.open(server.base / "input" / name) as image:
        return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 128


def saved(prompt: Prompt) -> Prompt:
    """The prompt, which shows its summary, and saves its image with its plan."""
    prompt["summary"] = node("PreviewAny", source=["edit", 2])
    prompt["file"] = node(
        "MultiEditSave", images=["edit", 0], plan=["edit", 1], filename_prefix="masked", format="png"
    )
    return prompt


@pytest.mark.parametrize("model", MASKED)
def test_an_edit_in_a_grown_and_filled_mask_says_what_it_measured(server: Server, model: str) -> None:
    """A whole edit by a tiny model, which takes seconds on a processor."""
    name = mask(server, "grow.png")
    options = {"mask_grow": 12, "mask_feather": 0, "mask_fill": "green", "sampling_megapixels": 0.1}
    prompt = saved(edit(model, [COFFEE.name], name, **options))
    prompt["base"] = node("SaveImage", images=["image 1", 0], filename_prefix="base")
    run = server.run(prompt)
    (made,) = pixels(server, run)
    base = np.asarray(Image.open(io.BytesIO(server.view(run.files("base")[0]))))
    selected = grown(server, name, 12)
    assert np.array_equal(made[~selected], base[~selected])
    assert (made[selected] != base[selected]).any(axis=-1).mean() > 0.9
    summary = run.entry["outputs"]["summary"]["text"][0]
    # What random weights decode to is nothing like the base, which is no reason to change it.
    note = f"{MEASURED}: a shift cannot be told, nothing is moved; a difference in colour cannot be told"
    assert note in summary
    assert ("mask_fill is not used" in summary) is (model == FILL)
    plan = json.loads(read_metadata(server.view(run.files("file")[0]), "png")["multiedit"])["plan"]
    assert any(note in each for each in plan["notes"])
    assert plan["generation"]["measured"] == [
        {"note": f"{note}, nothing is corrected".removeprefix(f"{MEASURED}: "), "shift": None, "color": None}
    ]
    assert plan["mask_options"]["grow"] == 12


def test_what_the_model_sees_in_the_mask_changes_what_it_makes(server: Server) -> None:
    """Four whole edits by a tiny model, which take seconds on a processor."""
    name = mask(server, "fill.png")
    made: dict[str, Any] = {
        fill: result(server, edit(KLEIN, [COFFEE.name], name, mask_fill=fill))
        for fill in ("keep", "blur", "neutral", "green")
    }
    different = {image.tobytes() for image in made.values()}
    assert len(different) == len(made)


def test_noise_in_a_mask_changes_nothing(server: Server) -> None:
    clean, noisy = (
        saved(edit(KLEIN, [COFFEE.name], mask(server, f"noise {level}.png", level), crop_and_stitch="on"))
        for level in (0, 4)
    )
    first, second = (pixels(server, server.run(prompt))[0] for prompt in (clean, noisy))
    assert np.array_equal(first, second)


def test_frames_of_a_batch_are_named_in_the_summary(server: Server) -> None:
    prompt = edit(KLEIN, [COFFEE.name], mask(server, "frames.png"))
    prompt["other"] = node("LoadImage", image=picture(server, "other.png", 5, SIZE))
    prompt["batch"] = node("ImageBatch", image1=["image 1", 0], image2=["other", 0])
    prompt["edit"]["inputs"]["image_1"] = ["batch", 0]
    run = server.run(saved(prompt))
    assert len(pixels(server, run)) == 2
    summary = run.entry["outputs"]["summary"]["text"][0]
    assert [f"{MEASURED} of frame {number}:" in summary for number in (1, 2)] == [True, True]


def test_what_cannot_be_is_refused_before_anything_is_loaded(server: Server) -> None:
    name, faint = mask(server, "refused.png"), mask(server, "faint.png")
    Image.new("L", SIZE, 4).save(server.base / "input" / faint)
    server.post("/tiny/reset")
    with pytest.raises(AssertionError, match="value_smaller_than_min"):
        server.run(edit(KLEIN, [COFFEE.name], name, mask_grow=-1))
    assert "mask_context is 0.5" in server.run(edit(KLEIN, [COFFEE.name], name, mask_context=0.5)).error
    assert "The mask selects nothing" in server.run(edit(KLEIN, [COFFEE.name], faint)).error
    assert counts(server) == {}
