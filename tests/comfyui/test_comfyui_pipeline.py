"""The remote editor on a real ComfyUI: the same image as here, with its decision; and what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.server_models import GENERATIVE_NODES, NODES, ServerModels
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.adapters.comfyui.request_graph import request_graph
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import (
    ContentRefused,
    EditFailed,
    FetchRefused,
    InvalidImage,
    InvalidRequest,
    ModelFilesMissing,
    ModelUnavailable,
    MultiEditError,
    ServerUnreachable,
    UnknownModel,
)
from multiedit.pipelines.common.settings import ComfyUILimits, Limits
from multiedit.pipelines.editing.archive import unpack
from multiedit.pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
from multiedit.pipelines.editing.pipeline import EditPipeline, EditResult
from multiedit.pipelines.images import decode as decoding
from multiedit.pipelines.planning.plan import UNCHANGED
from multiedit.pipelines.planning.request import EditRequest, parse_request
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.pipelines.sources.source import BytesSource, FileSource, SourceLoader
from multiedit.tests.support.classifiers import default_classifier
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.comfyui_peer import Peer, replying, serving, success
from multiedit.tests.support.composite_graph import composite_graph
from multiedit.tests.support.metadata import read_metadata
from multiedit.tests.support.pictures import PICTURES
from PIL import Image

LIMITS = Limits()
SERVER_LIMITS = ComfyUILimits(comfyui_seconds=60.0, comfyui_connect_seconds=5.0, comfyui_poll_seconds=0.2)
NOBODY = "http://127.0.0.1:9"
PNG = io.BytesIO()
Image.new("RGB", (300, 220), (200, 30, 20)).save(PNG, "png")
SFW = {"safe_mode": True, "status": "ok", "blurred": False, "label": "sfw", "of_another_version": 1}


async def _no_network(url: str, name: str) -> bytes:
    raise FetchRefused(f"{name} is not fetched in this test.")


def loader() -> SourceLoader:
    return SourceLoader(LIMITS, _no_network)


def editor(*addresses: str, **parts: Any) -> ComfyUIEditPipeline:
    models = parts.pop("models", None) or ServerModels(select_profile=_lacking)
    read = [read_address(address) for address in addresses]
    safety = SafetySettings.from_environment({})
    parts = {"graph": composite_graph, "server_limits": SERVER_LIMITS, "safety": safety, **parts}
    return ComfyUIEditPipeline(LIMITS, load_catalog(), read, loader(), models, **parts)


def _lacking(model: str, *facts: object) -> ProfileSelection:
    raise ModelFilesMissing(f"{model}: x.safetensors is missing in models/diffusion_models.")


def request(*images: Any, **fields: Any) -> EditRequest:
    sources = [FileSource(image) if isinstance(image, Path) else BytesSource(image) for image in images]
    extras = {"keep_size": True, "seed": 3}
    fields = {"prompt": "a secret wish", "output_format": "png", **fields}
    return parse_request({**fields, "images": sources, "multiedit": extras}, LIMITS)


def pixels(result: EditResult) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(result.file.data)).convert("RGB"), dtype=np.int16)


def own(data: bytes, kind: str) -> dict[str, Any]:
    return json.loads(read_metadata(data, kind)["multiedit"])


def test_the_picture_is_the_one_that_is_made_here(server: Server) -> None:
    stages: list[tuple[str, float, str]] = []
    asked = request(*PICTURES)
    remote = asyncio.run(editor(server.url).edit(asked, stage=lambda *told: stages.append(told)))
    here = EditPipeline(LIMITS, load_catalog(), local_adapters(LIMITS), loader(), default_classifier)
    local = asyncio.run(here.edit(asked))
    # Here an overlay is scaled in 8 bits, from a JPEG that is decoded smaller; there as a float tensor.
    difference = np.abs(pixels(remote) - pixels(local))
    assert (np.percentile(difference, 99) <= 1, difference.max() <= 8) == (True, True)
    assert remote.plan.roles == ("base", "overlay", "mask")
    assert remote.file.safety.label == "sfw"
    assert remote.file.safety.score == pytest.approx(local.file.safety.score, abs=1e-3)
    assert own(remote.file.data, "png")["safe_mode"] == remote.file.safety.to_dict()
    assert remote.plan.notes[-1].startswith(f"It runs on {server.url} (ComfyUI ")
    assert list(remote.seconds) == ["load", "upload", "edit", "fetch"]
    assert remote.to_dict().keys() == local.to_dict().keys()
    assert [name for name in dict.fromkeys(stage for stage, _, _ in stages)] == list(remote.seconds)
    assert any(detail.startswith("The edit") for _, _, detail in stages)


def test_a_mask_of_colours_and_transparency_is_read_there_as_it_is_here(server: Server) -> None:
    mask = Image.new("RGBA", (300, 220), (0, 0, 255, 255))
    mask.paste((255, 255, 0, 128), (150, 0, 300, 220))
    drawn = io.BytesIO()
    mask.save(drawn, "png")
    other = io.BytesIO()
    Image.new("RGB", (300, 220), (10, 200, 90)).save(other, "png")
    fields = {"prompt": "p", "safe_mode": False, "modelId": "layer-composite", "output_format": "png"}
    images = [BytesSource(data.getvalue()) for data in (PNG, other, drawn)]
    asked = parse_request({**fields, "images": images, "multiedit": {"roles": {"3": "mask"}}}, LIMITS)
    catalog = load_catalog()
    remote = editor(server.url, graph=partial(request_graph, catalog=catalog))
    here = EditPipeline(LIMITS, catalog, local_adapters(LIMITS), loader(), default_classifier)
    difference = pixels(asyncio.run(remote.edit(asked))) - pixels(asyncio.run(here.edit(asked)))
    assert np.abs(difference).max() <= 1  # the mask goes there in 8 bits


def test_an_image_is_extended_there_as_it_is_here(server: Server) -> None:
    fields = {"prompt": "p", "safe_mode": False, "modelId": "layer-composite", "output_format": "png"}
    extras = {"extend": {"aspect_ratio": "16:9", "anchor": "right"}}
    asked = parse_request({**fields, "images": [FileSource(PICTURES[0])], "multiedit": extras}, LIMITS)
    catalog = load_catalog()
    remote = editor(server.url, graph=partial(request_graph, catalog=catalog))
    here = EditPipeline(LIMITS, catalog, local_adapters(LIMITS), loader(), default_classifier)
    made = asyncio.run(remote.edit(asked))
    assert made.plan.extension is not None
    assert np.array_equal(pixels(made), pixels(asyncio.run(here.edit(asked))))


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_every_format_comes_back_and_nothing_is_taken_from_a_cache(
    server: Server, output_format: str
) -> None:
    asked = request(PNG.getvalue(), output_format=output_format, safe_mode=False)
    results = [asyncio.run(editor(server.url).edit(asked)) for _ in range(2)]
    for result in results:
        assert result.file.media_type == f"image/{output_format}"
        assert result.file.safety.status == "off"
    written = {path.name for path in (server.base / "output" / "multi-edit").iterdir()}
    assert len(written) >= 2


def test_a_flagged_result_comes_back_blurred_with_its_report(server: Server) -> None:
    def strict(*parts: Any) -> dict[str, Any]:
        graph = composite_graph(*parts)
        graph["4"]["inputs"] |= {"threshold": "custom", "threshold.score": 0.0}
        return graph

    result = asyncio.run(editor(server.url, graph=strict).edit(request(PICTURES[0])))
    assert (result.file.safety.blurred, result.file.safety.label) == (True, "nsfw")
    assert "prompt" in result.file.dropped_metadata
    assert b"a secret wish" not in result.file.data


def test_of_two_servers_the_one_that_answers_does_it(server: Server) -> None:
    result = asyncio.run(editor(NOBODY, server.url).edit(request(PICTURES[0])))
    assert any(NOBODY in note and "cannot be reached" in note for note in result.plan.notes)


def test_the_plan_alone_queues_nothing(server: Server) -> None:
    before = server.json("/history").keys()
    plan = asyncio.run(editor(server.url).plan(request(*PICTURES)))
    assert plan.model == "layer-composite"
    assert plan.notes[0].startswith("modelId is not given: layer-composite, which runs everywhere. firered")
    assert server.json("/history").keys() == before


def nodes(*names: str) -> dict[str, Any]:
    """A stand-in that has these nodes only."""
    every = {*NODES, *GENERATIVE_NODES}
    return {f"/object_info/{node}": replying({}) for node in every - set(names)}


def refused(kind: type[MultiEditError], peer: Peer | None, asked: EditRequest, **parts: Any) -> str:
    async def run() -> None:
        if peer is None:
            await editor(NOBODY, **parts).edit(asked)
            return
        async with serving(peer):
            await editor(peer.url, **parts).edit(asked)

    with pytest.raises(MultiEditError) as caught:
        asyncio.run(run())
    assert type(caught.value) is kind
    return caught.value.message


PICTURE = PNG.getvalue()


@pytest.mark.parametrize(
    ("peer", "asked", "kind", "told"),
    [
        (None, request(PICTURE), ServerUnreachable, "cannot be reached"),
        (None, request(b"no picture"), InvalidImage, "image 1 is text"),
        (None, request(PICTURE, modelId="nobody"), UnknownModel, "Unknown model 'nobody'"),
        (
            Peer(replies=nodes()),
            request(PICTURE),
            ModelUnavailable,
            "does not have the node MultiEditLoadLayers",
        ),
        (
            Peer(replies=nodes(*NODES)),
            request(PICTURE, modelId="firered-image-edit"),
            ModelUnavailable,
            "does not have the node MultiEditLoadModel",
        ),
        (
            Peer(),
            request(PICTURE, modelId="firered-image-edit"),
            ModelFilesMissing,
            "firered-image-edit: x.safetensors is missing",
        ),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_queued(
    peer: Peer | None, asked: EditRequest, kind: type[MultiEditError], told: str
) -> None:
    assert told in refused(kind, peer, asked)
    assert peer is None or not any(line.startswith("POST") for line in peer.asked)


def test_a_model_that_is_there_is_preferred_to_the_embedded_one() -> None:
    from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles

    profile = load_profiles().of_model("firered-image-edit")[0]
    choice = ProfileSelection(profile, {}, ("Profile chosen.",))

    async def run() -> Any:
        async with serving(Peer()) as peer:
            models = ServerModels(select_profile=lambda *facts: choice)
            return await editor(peer.url, models=models).plan(request(PICTURE))

    plan = asyncio.run(run())
    assert (plan.model, plan.adapter) == ("firered-image-edit", profile.family)
    assert "Profile chosen." in plan.notes


def answering(about: object, file: bytes = PICTURE) -> Peer:
    """A stand-in whose every job ends with this in the history."""

    async def play(peer: Peer, job: str) -> None:
        image = {"filename": "a.png", "subfolder": "", "type": "output"}
        told = {} if about is None else {"multiedit": [json.dumps(about)]}
        await peer.end(job, success(**{"5": {"images": [image], **told}}))

    return Peer(play, replies={"/view": replying(file)})


def test_a_report_of_another_version_is_read() -> None:
    async def run() -> EditResult:
        peer = answering({"safe_mode": SFW, "dropped_metadata": ["workflow"]})
        async with serving(peer):
            return await editor(peer.url).edit(request(PICTURE))

    file = asyncio.run(run()).file
    assert (file.safety.label, file.dropped_metadata, file.data) == ("sfw", ("workflow",), PICTURE)


@pytest.mark.parametrize("notes", [[], ["Another note.", UNCHANGED]])
def test_an_edit_that_changed_no_pixel_says_so(notes: list[str]) -> None:
    async def run() -> EditResult:
        peer = answering({"safe_mode": SFW, "dropped_metadata": [], "notes": notes})
        async with serving(peer):
            return await editor(peer.url).edit(request(PICTURE))

    plan = asyncio.run(run()).plan
    assert (UNCHANGED in plan.notes) is bool(notes)
    assert "Another note." not in plan.notes


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (None, "returned no result"),
        ({"safe_mode": None, "dropped_metadata": []}, "did not report what safe mode found"),
        (
            {"safe_mode": {**SFW, "safe_mode": False}, "dropped_metadata": []},
            "did not report what safe mode found",
        ),
        ({"safe_mode": {"safe_mode": True}, "dropped_metadata": []}, "a response that is not ComfyUI's"),
        ({"safe_mode": 3, "dropped_metadata": []}, "a response that is not ComfyUI's"),
        ({}, "a response that is not ComfyUI's"),
    ],
)
def test_nothing_comes_back_of_which_safe_mode_has_not_spoken(about: object, told: str) -> None:
    peer = answering(about)
    assert told in refused(EditFailed, peer, request(PICTURE))
    assert "GET /view" not in peer.asked


def test_another_format_than_planned_is_no_result() -> None:
    peer = answering({"safe_mode": SFW, "dropped_metadata": []})
    assert "a png file, not webp" in refused(EditFailed, peer, request(PICTURE, output_format="webp"))


def test_previews_are_not_shown_under_safe_mode() -> None:
    async def run(asked: EditRequest) -> None:
        await editor(NOBODY).edit(asked, preview=lambda preview: None)

    with pytest.raises(InvalidRequest, match="before safe mode has screened it"):
        asyncio.run(run(request(PICTURE)))
    with pytest.raises(ServerUnreachable):
        asyncio.run(run(request(PICTURE, safe_mode=False)))


def test_inputs_are_judged_before_they_leave_this_machine() -> None:
    settings = SafetySettings.from_environment({})
    strict = replace(settings, policy=Policy(inputs=True, threshold=0.0))

    async def run(asked: EditRequest, safety: SafetySettings) -> None:
        await editor(NOBODY, safety=safety).edit(asked)

    with pytest.raises(ContentRefused, match="Safe mode refuses image 1"):
        asyncio.run(run(request(PICTURE), strict))
    required = replace(settings, policy=Policy(inputs=True, threshold=0.0, always=True))
    with pytest.raises(ContentRefused):
        asyncio.run(run(request(PICTURE, safe_mode=False), required))
    with pytest.raises(ServerUnreachable):
        asyncio.run(run(request(PICTURE, safe_mode=False), strict))


def test_the_uploads_are_handed_to_the_graph_in_order() -> None:
    seen: list[Sequence[str]] = []

    def graph(plan: Any, images: Sequence[str], options: Any, prefix: str) -> dict[str, Any]:
        seen.append([*images, prefix, options.format])
        return composite_graph(plan, images, options, prefix)

    async def run() -> None:
        peer = answering({"safe_mode": None, "dropped_metadata": []})
        async with serving(peer):
            asked = request(PICTURE, PICTURES[1], safe_mode=False)
            await editor(peer.url, graph=graph, ids=lambda: "id").edit(asked)

    asyncio.run(run())
    assert seen == [["multi-edit/hash.png"] * 2 + ["multi-edit/id", "png"]]


class Holding:
    """A budget of memory that notes what is held, and what is done meanwhile."""

    def __init__(self) -> None:
        self.held = 0
        self.asked: list[int] = []

    @contextlib.asynccontextmanager
    async def hold(self, owner: str, need: int) -> AsyncIterator[None]:
        assert owner == "somebody"
        self.asked.append(need)
        self.held += 1
        yield
        self.held -= 1


def test_every_decoding_is_inside_the_budget_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, seen, decode = Holding(), list[tuple[str, int]](), decoding.decode

    def watched(data, header, name, at_least=None):  # type: ignore[no-untyped-def]
        seen.append((name, memory.held))
        return decode(data, header, name, at_least)

    monkeypatch.setattr(decoding, "decode", watched)
    mask = io.BytesIO()
    grey = Image.new("L", Image.open(io.BytesIO(PICTURE)).size)
    grey.paste(255, (0, 0, 20, 20))
    grey.save(mask, "PNG")
    extras = {"keep_size": True, "roles": {"2": "mask"}}
    images = [BytesSource(PICTURE), BytesSource(mask.getvalue())]
    asked = parse_request(
        {"prompt": "p", "images": images, "output_format": "png", "safe_mode": False, "multiedit": extras},
        LIMITS,
    )

    async def run() -> None:
        async with serving(answering({"safe_mode": None, "dropped_metadata": []})) as peer:
            await editor(peer.url, hold_memory=memory.hold, owner="somebody").edit(asked)

    asyncio.run(run())
    assert seen == [("image 2", 1)] * 2  # for the plan, and in grey


def test_several_results_are_fetched_and_packed_inside_the_budget_of_memory() -> None:
    from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles

    memory, held_at_view = Holding(), list[int]()
    profile = load_profiles().of_model("firered-image-edit")[0]
    about = json.dumps({"safe_mode": None, "dropped_metadata": []})

    async def play(peer: Peer, job: str) -> None:
        image = {"filename": "a.png", "subfolder": "", "type": "output"}
        await peer.end(job, success(**{"5": {"images": [image] * 2, "multiedit": [about] * 2}}))

    async def view(request: Any) -> Any:
        held_at_view.append(memory.held)
        return await replying(PICTURE)(request)

    asked = parse_request(
        {
            "prompt": "p",
            "modelId": "firered-image-edit",
            "images": [BytesSource(PICTURE)],
            "output_format": "png",
            "safe_mode": False,
            "multiedit": {"batch_size": 2},
        },
        LIMITS,
    )

    async def run() -> EditResult:
        async with serving(Peer(play, replies={"/view": view})) as peer:
            models = ServerModels(select_profile=lambda *facts: ProfileSelection(profile, {}, ()))
            parts = {
                "models": models,
                "graph": lambda *_: {},
                "hold_memory": memory.hold,
                "owner": "somebody",
            }
            return await editor(peer.url, **parts).edit(asked)

    result = asyncio.run(run())
    assert held_at_view == [1, 1]
    assert memory.asked[-1] >= len(result.file.data)
    assert [file.data for file in unpack(result.file)] == [PICTURE] * 2
