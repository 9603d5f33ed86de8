"""Generative models through the remote editor: tiny random weights in a real ComfyUI, and our own graph."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import numpy as np
import pytest
from multiedit.cli.main import main
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.progress_events import Preview
from multiedit.pipelines.adapters.comfyui.client.server_models import ServerModels
from multiedit.pipelines.adapters.comfyui.measured import MEASURED
from multiedit.pipelines.adapters.comfyui.request_graph import request_graph
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import FetchRefused, InvalidRequest, ModelFilesMissing
from multiedit.pipelines.common.settings import ComfyUILimits, Limits
from multiedit.pipelines.editing.archive import unpack
from multiedit.pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
from multiedit.pipelines.editing.pipeline import EditResult
from multiedit.pipelines.planning.request import parse_request
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.pipelines.sources.source import FileSource, SourceLoader
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.pictures import PICTURES
from PIL import Image, ImageChops

LIMITS = Limits()
CATALOG = load_catalog()
Told = list[tuple[str, float, str]]


async def _no_network(url: str, name: str) -> bytes:
    raise FetchRefused(f"{name} is not fetched in this test.")


def small_graph(*parts: Any) -> dict[str, Any]:
    """The package's graph, of little work for a processor."""
    graph = request_graph(*parts, catalog=CATALOG)
    graph["edit"]["inputs"] |= {"model.sampling_megapixels": 0.06, "model.reference_megapixels": 0.06}
    return graph


def edit(server: Server, told: Told, previews: list[Preview], model: str | None, **extras: Any) -> EditResult:
    editor = ComfyUIEditPipeline(
        LIMITS,
        CATALOG,
        [read_address(server.url)],
        SourceLoader(LIMITS, _no_network),
        ServerModels(),
        small_graph,
        ComfyUILimits(comfyui_seconds=120.0),
        SafetySettings.from_environment({}),
    )
    fields = {"prompt": "make it tea", "safe_mode": False, "output_format": "png", "modelId": model}
    fields = {name: value for name, value in fields.items() if value is not None}
    images = [FileSource(picture) for picture in PICTURES]
    request = parse_request({**fields, "images": images, "multiedit": extras}, LIMITS)
    return asyncio.run(editor.edit(request, stage=lambda *stage: told.append(stage), preview=previews.append))


def test_what_is_asked_of_a_mask_is_done_there_and_what_is_measured_comes_back(
    model_server: Server,
) -> None:
    asked = {"mask_grow": 20, "mask_fill": "neutral", "keep_size": True}
    made = edit(model_server, [], [], "flux-2-klein-4b-edit", **asked)
    plain = edit(model_server, [], [], "flux-2-klein-4b-edit", keep_size=True, mask_align=False)
    assert made.plan.mask_options.grow == 20
    assert made.file.data != plain.file.data
    measured = [[note for note in each.plan.notes if note.startswith(MEASURED)] for each in (made, plain)]
    assert ["shift" in note for (note,) in measured] == [True, False]


def test_an_edit_shows_its_steps_and_previews_and_repeats_itself(model_server: Server) -> None:
    told: Told = []
    previews: list[Preview] = []
    first = edit(model_server, told, previews, "flux-2-klein-4b-edit", seed=5, keep_size=True)
    again = edit(model_server, [], [], "flux-2-klein-4b-edit", seed=5, keep_size=True)
    assert first.plan.model == "flux-2-klein-4b-edit"
    assert any(note.startswith("Profile ") for note in first.plan.notes)
    pictures = [Image.open(io.BytesIO(each.file.data)).convert("RGB") for each in (first, again)]
    assert pictures[0].size == (first.plan.width, first.plan.height)
    assert pictures[0].tobytes() == pictures[1].tobytes()
    steps = [detail for stage, _, detail in told if stage == "edit" and "/" in detail]
    assert steps
    shares = [share for stage, share, _ in told if stage == "edit"]
    assert shares == sorted(shares)
    assert previews
    assert Image.open(io.BytesIO(previews[-1].data)).format in ("JPEG", "PNG")


def test_a_request_sets_the_sampling_and_gets_every_result(model_server: Server) -> None:
    """Two results, each of which is saved and fetched."""
    lora = "Flux_2-Turbo-LoRA_comfyui.safetensors"
    options: dict[str, Any] = {"steps": 2, "loras": [{"name": lora, "strength": 0.5}], "seed": 5}
    packed = edit(model_server, [], [], "flux-2-klein-4b-edit", batch_size=2, **options)
    assert packed.file.media_type == "application/zip"
    first, second = (image.data for image in unpack(packed.file))
    assert first != second
    for note in ("steps is 2, in place of the profile's 4.", f"LoRA {lora} is added at strength 0.5."):
        assert note in packed.plan.notes
    alone = edit(model_server, [], [], "flux-2-klein-4b-edit", **options)
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in (first, alone.file.data)]
    # A batch of two rounds otherwise than one.
    assert max(most for _, most in ImageChops.difference(*pictures).getextrema()) <= 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"loras": [{"name": "no-such.safetensors"}]},
            "multiedit.loras has no-such.safetensors",
        ),
        ({"profile": "no-such"}, "no-such"),
        ({"profile": "qwen-edit-2511-full"}, "profile qwen-edit-2511-full belongs to qwen-edit"),
    ],
)
def test_an_option_that_is_not_there_is_refused_before_anything_is_sent(
    model_server: Server, options: dict[str, Any], words: str
) -> None:
    before = model_server.json("/history").keys()
    with pytest.raises(InvalidRequest, match=words):
        edit(model_server, [], [], "flux-2-klein-4b-edit", **options)
    assert model_server.json("/history").keys() == before


def test_a_model_extends_a_photograph_and_the_mask_of_a_request_lies_over_it(model_server: Server) -> None:
    extras = {"extend": {"right": 60, "top": "10%"}, "roles": {"2": "reference", "3": "mask"}}
    made = edit(model_server, [], [], "flux-2-klein-4b-edit", **extras)
    base = np.asarray(Image.open(PICTURES[0]).convert("RGB"))
    kept = np.asarray(Image.open(PICTURES[2]).convert("L")) == 0
    result = np.asarray(Image.open(io.BytesIO(made.file.data)).convert("RGB"))
    assert result.shape == (440, 660, 3)
    assert np.array_equal(result[40:, :600][kept], base[kept])
    assert not np.array_equal(result[40:, :600][~kept], base[~kept])


def test_missing_files_are_told_before_anything_is_sent(model_server: Server) -> None:
    before = model_server.json("/history").keys()
    folder = model_server.base / "models" / "text_encoders"
    files = list(folder.iterdir())
    for file in files:
        file.rename(folder.parent / file.name)
    try:
        with pytest.raises(ModelFilesMissing, match="text_encoders"):
            edit(model_server, [], [], "firered-image-edit")
    finally:
        for file in files:
            (folder.parent / file.name).rename(file)
    assert model_server.json("/history").keys() == before


def test_the_shell_checks_the_models_of_a_comfyui(
    model_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "check", "--comfyui", model_server.url, "--json"]) == 0
    found = {entry["model"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert found["flux-2-klein-4b-edit"]["files"]["vae"] == "flux2-vae.safetensors"
    assert found["flux-1-fill-dev"]["files"]["text_encoder_2"] == "clip_l.safetensors"
    assert found["qwen-image-layered"]["files"]["vae"] == "qwen_image_layered_vae.safetensors"
    assert found["flux-2-klein-9b-edit"]["profile"] is None
    assert "needs ComfyUI 0.41.0" in found["flux-3-klein-edit"]["notes"][0]
