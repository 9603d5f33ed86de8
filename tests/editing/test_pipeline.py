"""The editor from a request to a file's bytes: real pictures, and mostly stand-ins for the classifier."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.adapters.composite import CompositeAdapter
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import (
    ClassifierMissing,
    ContentRefused,
    EditFailed,
    FetchRefused,
    InvalidImage,
)
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.pipeline import EditPipeline, EditResult
from multiedit.pipelines.planning.request import EditRequest, parse_request
from multiedit.pipelines.safety.blur import blur
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.sources.source import BytesSource, FileSource, ImageSource, SourceLoader
from multiedit.tests.support.classifiers import StandIn, default_classifier, fixed
from multiedit.tests.support.metadata import read_metadata
from PIL import Image
from torch import Tensor

EXAMPLES = Path(__file__).resolve().parents[2] / "samples"
LIMITS = Limits()
PHOTOGRAPHS = [EXAMPLES / name for name in ("coffee.jpg", "galaxies.jpg", "coffee-mask.png")]
PROMPT = "a secret wish"


def _png(colour: tuple[int, int, int], size: tuple[int, int] = (300, 220)) -> bytes:
    gradient = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", [gradient.point(lambda level, top=top: level * top // 255) for top in colour])
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


def _png_with_damaged_pixels() -> bytes:
    """Its header and its end are whole; that its pixels are not shows when they are decoded."""
    data = _png((250, 120, 30))
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start], "big")
    pixels = data[start : start + 20] + bytes(length - 16)  # ends in the table of its codes
    return data[:start] + pixels + zlib.crc32(pixels).to_bytes(4, "big") + data[start + length + 8 :]


BASE, OVERLAY = _png((250, 120, 30)), _png((20, 90, 240), (260, 260))
DAMAGED = _png_with_damaged_pixels()


class Failing:
    """An adapter that counts its runs and fails."""

    name = "failing"
    runs = 0

    def run(self, *arguments: object) -> Tensor:
        self.runs += 1
        raise EditFailed("the model ran out of memory. Ask for a smaller size.")


async def _no_network(url: str, name: str) -> bytes:
    raise FetchRefused(f"{name} is not fetched in this test.")


def _editor(classifier: Any = None, adapter: Any = None, **parts: Any) -> EditPipeline:
    scoring = fixed(0.1) if classifier is None else classifier
    load = scoring if callable(scoring) else lambda: scoring
    loader = SourceLoader(LIMITS, parts.pop("fetch", _no_network))
    adapters = {"layer-composite": adapter or CompositeAdapter(LIMITS)}
    return EditPipeline(LIMITS, load_catalog(), adapters, loader, load, **parts)


def _request(*images: str | ImageSource | bytes, **fields: Any) -> EditRequest:
    sources = [BytesSource(image) if isinstance(image, bytes) else image for image in images]
    extras = {"keep_size": True, **fields.pop("multiedit", {})}
    return parse_request({"prompt": PROMPT, "images": sources, "multiedit": extras, **fields}, LIMITS)


def _edit(editor: EditPipeline, request: EditRequest, **arguments: Any) -> EditResult:
    return asyncio.run(editor.edit(request, **arguments))


def _levels(data: bytes, mode: str = "RGB") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def _own(result: EditResult) -> dict[str, Any]:
    kind = result.file.media_type.removeprefix("image/")
    return json.loads(read_metadata(result.file.data, kind)["multiedit"])


def test_photographs_are_edited_checked_and_equal_the_base_outside_the_mask() -> None:
    request = _request(*map(FileSource, PHOTOGRAPHS), output_format="png")
    result = _edit(_editor(default_classifier), request)
    assert result.plan.roles == ("base", "overlay", "mask")
    assert result.file.safety.label == "sfw"
    assert result.file.safety.classifier == "open_nsfw+nsfwjs"
    base, _, mask = (path.read_bytes() for path in PHOTOGRAPHS)
    outside = _levels(mask, "L") == 0
    assert np.array_equal(_levels(result.file.data)[outside], _levels(base)[outside])
    assert not np.array_equal(_levels(result.file.data)[~outside], _levels(base)[~outside])


@pytest.mark.parametrize(
    ("output_format", "options"),
    [("png", {}), ("jpeg", {}), ("jpeg", {"quality": 40}), ("webp", {}), ("webp", {"lossless": True})],
)
def test_the_file_is_what_the_plan_says_and_says_how_it_was_made(
    output_format: str, options: dict[str, Any]
) -> None:
    request = _request(BASE, OVERLAY, output_format=output_format)
    result = _edit(_editor(), request, options=options, embed={"prompt": "{}", "workflow": '{"nodes": []}'})
    picture = Image.open(io.BytesIO(result.file.data))
    picture.load()
    assert result.file.media_type == Image.MIME[picture.format or ""] == f"image/{output_format}"
    assert picture.size == (result.plan.width, result.plan.height) == (300, 220)
    texts = read_metadata(result.file.data, output_format)
    assert (texts["prompt"], texts["workflow"]) == ("{}", '{"nodes": []}')
    assert _own(result) == {"plan": result.plan.to_dict(), "safe_mode": result.file.safety.to_dict()}
    assert result.file.dropped_metadata == ()


def test_the_result_has_the_size_of_the_plan_without_keep_size() -> None:
    fields = {"aspect_ratio": "16:9", "output_format": "jpeg", "multiedit": {"keep_size": False}}
    result = _edit(_editor(), _request(BASE, **fields))
    assert Image.open(io.BytesIO(result.file.data)).size == (result.plan.width, result.plan.height)
    assert abs(result.plan.width / result.plan.height - 16 / 9) < 0.01


@pytest.mark.parametrize(
    ("output_format", "answer", "status", "score"),
    [
        ("png", 0.9, "ok", 0.9),
        ("jpeg", 0.9, "ok", 0.9),
        ("webp", 0.9, "ok", 0.9),
        ("png", 0.5, "ok", 0.5),
        ("jpeg", float("nan"), "error", None),
        ("png", RuntimeError("out of memory"), "error", None),
    ],
)
def test_a_picture_that_does_not_pass_is_obscured_and_tells_no_recipe(
    output_format: str, answer: float | Exception, status: str, score: float | None
) -> None:
    request = _request(BASE, OVERLAY, output_format=output_format)
    embed = {"prompt": json.dumps({"1": PROMPT}), "workflow": json.dumps([PROMPT])}
    result = _edit(_editor(fixed(answer)), request, embed=embed)
    report = result.file.safety
    assert (report.blurred, report.status) == (True, status)
    assert report.score == pytest.approx(score)
    assert read_metadata(result.file.data, output_format).keys() == {"multiedit"}
    assert _own(result) == {"safe_mode": report.to_dict()}
    assert PROMPT.encode() not in result.file.data
    assert set(result.file.dropped_metadata) == {"prompt", "workflow", "multiedit.plan"}


def test_what_is_handed_out_of_a_flagged_picture_is_the_obscured_one() -> None:
    request = _request(BASE, OVERLAY, output_format="png")
    unblurred = _levels(_edit(_editor(), request).file.data)
    flagged = _levels(_edit(_editor(fixed(0.9)), request).file.data)
    expected = blur(torch.from_numpy(unblurred / np.float32(255))[None])[0]
    assert np.abs(flagged - expected.numpy() * 255).max() <= 9  # one of the 31 steps, where rounding differs
    assert np.abs(flagged.astype(int) - unblurred).max() > 50


def test_safe_mode_off_asks_no_classifier() -> None:
    def load() -> StandIn:
        raise AssertionError("safe mode is off")

    result = _edit(_editor(load), _request(BASE, safe_mode=False))
    assert result.file.safety.to_dict()["status"] == "off"
    assert _own(result)["safe_mode"]["safe_mode"] is False


def test_the_classifier_sees_the_result_at_its_size() -> None:
    classifier = fixed(0.1)
    _edit(_editor(classifier), _request(BASE))
    assert classifier.seen == [(1, 220, 300, 3)]


def test_a_missing_classifier_fails_before_the_edit() -> None:
    def load() -> StandIn:
        raise ClassifierMissing("There is no classifier.")

    adapter = Failing()
    with pytest.raises(ClassifierMissing):
        _edit(_editor(load, adapter), _request(BASE))
    assert adapter.runs == 0


def test_a_classifier_that_fails_in_an_unknown_way_lets_no_picture_out() -> None:
    with pytest.raises(ZeroDivisionError):
        _edit(_editor(fixed(ZeroDivisionError())), _request(BASE))


def test_an_adapters_error_rises_as_it_is_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    adapter = Failing()
    with pytest.raises(EditFailed, match="ran out of memory"):
        _edit(_editor(adapter=adapter), _request(BASE))
    assert adapter.runs == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_the_same_request_gives_the_same_bytes(output_format: str) -> None:
    placement = {"2": {"scale": 0.7, "rotation": 20, "opacity": 0.8, "seamless": True}}
    fields = {"output_format": output_format, "multiedit": {"placement": placement, "seed": 7}}
    files = {_edit(_editor(), _request(BASE, OVERLAY, **fields)).file.data for _ in range(2)}
    assert len(files) == 1


def _as_file(folder: Path) -> FileSource:
    (folder / "base.png").write_bytes(BASE)
    return FileSource(folder / "base.png")


@pytest.mark.parametrize(
    "source",
    [
        lambda folder: base64.b64encode(BASE).decode(),
        lambda folder: "data:image/jpeg;base64," + base64.b64encode(BASE).decode(),
        _as_file,
        lambda folder: BytesSource(BASE),
        lambda folder: "https://pictures.example/base.png",
    ],
    ids=["base64", "data URL", "file", "bytes", "URL"],
)
def test_a_picture_is_the_same_however_it_is_sent(
    source: Callable[[Path], ImageSource | str], tmp_path: Path
) -> None:
    async def fetch(url: str, name: str) -> bytes:
        assert (url, name) == ("https://pictures.example/base.png", "image 1")
        return BASE

    result = _edit(_editor(fetch=fetch), _request(source(tmp_path), output_format="png"))
    assert np.array_equal(_levels(result.file.data), _levels(BASE))


@pytest.mark.parametrize(
    "second",
    [b"hello", OVERLAY[:40], DAMAGED, "@@@", FileSource("nowhere.png")],
    ids=["text", "cut in its header", "cut in its pixels", "no base64", "missing file"],
)
def test_the_error_of_a_bad_second_picture_names_it(second: bytes | str | FileSource) -> None:
    with pytest.raises(InvalidImage, match=r"^image 2 ") as caught:
        _edit(_editor(), _request(BASE, second))
    assert caught.value.field == "images"


def test_a_second_picture_that_breaks_while_it_is_edited_is_named_too() -> None:
    request = _request(BASE, DAMAGED, multiedit={"roles": {"2": "overlay"}})
    with pytest.raises(InvalidImage, match=r"^image 2 ") as caught:
        _edit(_editor(), request)
    assert caught.value.field == "images"


def test_stages_are_told_in_order() -> None:
    told: list[tuple[str, float]] = []
    _edit(_editor(), _request(BASE, OVERLAY), stage=lambda name, share: told.append((name, share)))
    order = ["load", "edit", "check", "encode"]
    assert [name for name, _ in itertools.groupby(told, lambda each: each[0])] == order
    assert told == sorted(told, key=lambda each: (order.index(each[0]), each[1]))
    assert all(0 <= share <= 1 for _, share in told)
    assert told[-1] == ("encode", 1.0)


def test_each_stage_is_timed_by_the_given_clock() -> None:
    ticks = itertools.count(0, 3)
    result = _edit(_editor(clock=lambda: next(ticks)), _request(BASE))
    assert result.to_dict()["seconds"] == {"load": 3, "edit": 3, "check": 3, "encode": 3}


@pytest.mark.parametrize(
    ("images", "extras"),
    [(1, {}), (2, {"roles": {"2": "overlay"}}), (2, {"placement": {"2": {"scale": 0.5}}})],
    ids=["one image", "given role", "given placement"],
)
def test_a_plan_without_open_roles_decodes_nothing(images: int, extras: dict[str, Any]) -> None:
    request = _request(*[DAMAGED] * images, multiedit=extras)
    plan = asyncio.run(_editor().plan(request))
    assert (plan.width, plan.height) == (300, 220)
    with pytest.raises(InvalidImage):
        _edit(_editor(), request)


def test_a_plan_is_the_one_that_is_carried_out() -> None:
    request = _request(*map(FileSource, PHOTOGRAPHS), safe_mode=False)
    assert asyncio.run(_editor().plan(request)) == _edit(_editor(), request).plan


def test_a_result_is_told_as_json() -> None:
    result = _edit(_editor(), _request(BASE, output_format="jpeg"))
    told = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert told["bytes"] == len(result.file.data)
    assert told["plan"] == result.plan.to_dict()
    assert told["media_type"] == "image/jpeg"


def test_the_owner_of_the_machine_may_require_safe_mode() -> None:
    editor = _editor(fixed(0.9), policy=Policy(always=True))
    request = _request(BASE, safe_mode=False)
    plan = asyncio.run(editor.plan(request))
    assert plan.safe_mode
    assert plan.notes[-1] == "safe_mode false is overruled: MULTIEDIT_SAFE_MODE is always."
    assert _edit(editor, request).blurred
    assert "overruled" not in str(asyncio.run(editor.plan(_request(BASE))).notes)


def test_an_input_that_safe_mode_refuses_costs_no_edit() -> None:
    adapter = Failing()
    editor = _editor(fixed(0.9), adapter, policy=Policy(inputs=True))
    with pytest.raises(ContentRefused, match="image 1"):
        _edit(editor, _request(BASE))
    assert adapter.runs == 0
