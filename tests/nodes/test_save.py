"""Save Edited Image in ComfyUI's executor: files, names, metadata, the preview."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

WORKFLOW = {"nodes": [], "title": "caf\u00e9"}
JPEG = {"format.quality": 90, "format.subsampling": "4:2:0", "format.background": "#00ff00"}
WEBP = {"format.quality": 90, "format.lossless": False}
BLURRED = json.dumps([{"safe_mode": True, "blurred": True}])
PASSED = json.dumps([{"safe_mode": True, "blurred": False}])


def save(graph: Any, images: torch.Tensor, prefix: str = "MultiEdit", **inputs: Any) -> list[str]:
    prompt = graph.prompt("MultiEditSave", images=images, filename_prefix=prefix, **inputs)
    return graph.queue(prompt, WORKFLOW)[0]


def texts_for_the_frontend(path: Path) -> dict[str, Any]:
    """What ComfyUI's frontend reads: text chunks of a PNG; EXIF texts "key:json" of a WebP."""
    with Image.open(path) as image:
        if image.format == "PNG":
            pairs = image.info.items()
        else:
            exif = image.getexif().values()
            pairs = [text.split(":", 1) for text in exif if isinstance(text, str) and ":" in text]
        return {key: json.loads(text) for key, text in pairs if key in ("prompt", "workflow", "multiedit")}


@pytest.mark.parametrize(
    ("choice", "name", "kind"),
    [
        ({"format": "png"}, "MultiEdit_00001_.png", "PNG"),
        ({"format": "jpeg", **JPEG}, "MultiEdit_00001_.jpg", "JPEG"),
        ({"format": "webp", **WEBP}, "MultiEdit_00001_.webp", "WEBP"),
        ({"format": "auto", **JPEG}, "MultiEdit_00001_.png", "PNG"),
    ],
)
def test_a_file_is_written_previewed_and_carries_the_workflow(
    graph: Any, folders: Path, choice: dict[str, Any], name: str, kind: str
) -> None:
    assert save(graph, torch.rand(1, 40, 60, 3), **choice) == [name]
    path = folders / "output" / name
    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, (60, 40))
    assert graph.ui["node"]["images"] == [{"filename": name, "subfolder": "", "type": "output"}]
    texts = texts_for_the_frontend(path)
    assert texts["workflow"] == WORKFLOW
    assert texts["prompt"]["node"]["class_type"] == "MultiEditSave"


def test_the_history_has_the_decision_on_each_image(graph: Any) -> None:
    save(graph, torch.rand(1, 8, 8, 3), format="png", report=BLURRED)
    [about] = graph.ui["node"]["multiedit"]
    assert json.loads(about)["safe_mode"] == json.loads(BLURRED)[0]


def test_auto_is_jpeg_for_a_large_picture(graph: Any) -> None:
    assert save(graph, torch.zeros(1, 1500, 1500, 3), **{"format": "auto", **JPEG}) == [
        "MultiEdit_00001_.jpg"
    ]


def test_the_settings_reach_the_file(graph: Any, folders: Path) -> None:
    (name,) = save(graph, torch.zeros(1, 40, 60, 4), **{"format": "jpeg", **JPEG})
    with Image.open(folders / "output" / name) as image:
        assert image.getpixel((5, 5)) == pytest.approx((0, 255, 0), abs=3)
    pixels = torch.randint(256, (1, 40, 60, 3)) / 255  # no level half way between two
    (name,) = save(graph, pixels, **{"format": "webp", "format.quality": 1, "format.lossless": True})
    with Image.open(folders / "output" / name) as image:
        levels = torch.tensor(list(image.convert("RGB").tobytes())).view(1, 40, 60, 3)
    assert torch.equal(levels, (pixels * 255).round().long())


def test_batches_prefixes_and_counters(graph: Any, folders: Path) -> None:
    names = save(graph, torch.rand(2, 8, 10, 3), "day/%width%x%height%", format="png")
    assert names == ["day/10x8_00001_.png", "day/10x8_00002_.png"]
    assert save(graph, torch.rand(1, 8, 10, 3), "day/%width%x%height%", format="png") == [
        "day/10x8_00003_.png"
    ]
    assert graph.ui["node"]["images"][0]["subfolder"] == "day"
    assert all((folders / "output" / name).is_file() for name in names)


def test_nothing_is_written_outside_the_output_folder(graph: Any, folders: Path) -> None:
    with pytest.raises(graph.Failed, match="outside the output folder"):
        save(graph, torch.rand(1, 8, 8, 3), "../../escaped", format="png")


@pytest.mark.parametrize(
    ("metadata", "report", "keys"),
    [
        ("everything", None, {"prompt", "workflow"}),
        ("everything", PASSED, {"prompt", "workflow", "multiedit"}),
        ("everything", BLURRED, {"multiedit"}),
        ("without workflow", PASSED, {"multiedit"}),
        ("none", BLURRED, set()),
    ],
)
@pytest.mark.parametrize("choice", [{"format": "png"}, {"format": "webp", **WEBP}])
def test_the_metadata_is_chosen(
    graph: Any, folders: Path, choice: dict[str, Any], metadata: str, report: str | None, keys: set[str]
) -> None:
    (name,) = save(graph, torch.rand(1, 8, 8, 3), metadata=metadata, report=report, **choice)
    assert set(texts_for_the_frontend(folders / "output" / name)) == keys


def test_disable_metadata_is_honoured(graph: Any, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfy.cli_args import args

    monkeypatch.setattr(args, "disable_metadata", True)
    (name,) = save(graph, torch.rand(1, 8, 8, 3), format="png", report=PASSED)
    assert set(texts_for_the_frontend(folders / "output" / name)) == {"multiedit"}


def test_a_report_of_other_pictures_is_refused(graph: Any) -> None:
    with pytest.raises(graph.Failed, match="1 decisions for 2 images"):
        save(graph, torch.rand(2, 8, 8, 3), format="png", report=PASSED)


def test_a_file_that_is_gone_is_written_again(graph: Any, folders: Path) -> None:
    prompt = graph.prompt("MultiEditSave", images=torch.rand(2, 8, 8, 3), filename_prefix="a", format="png")
    (first,) = graph.queue(prompt)
    graph.queue(prompt)
    assert "node" in graph.cached
    (folders / "output" / first[0]).unlink()
    (second,) = graph.queue(prompt)
    assert "node" not in graph.cached
    shown = [file["filename"] for file in graph.ui["node"]["images"]]
    assert shown == second
    assert all((folders / "output" / name).is_file() for name in second)
    graph.queue(prompt)
    assert "node" in graph.cached


def test_an_interruption_does_not_wait_for_an_encoder(
    graph: Any, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.model_management as management

    ended = threading.Event()

    def slow(*values: Any, **kwargs: Any) -> None:
        management.interrupt_current_processing()
        ended.wait(30)

    monkeypatch.setattr(Image.Image, "save", slow)
    with pytest.raises(graph.Failed, match="interrupted in node"):
        save(graph, torch.rand(1, 8, 8, 3), format="png")
    assert not ended.is_set()
    ended.set()
    assert list((folders / "output").iterdir()) == []


def test_a_prefix_that_no_file_can_have_is_refused(graph: Any) -> None:
    with pytest.raises(graph.Failed, match="filename_prefix has a NUL character") as refused:
        save(graph, torch.rand(1, 8, 8, 3), format="png", prefix="a\0b")
    assert refused.value.kind.endswith("InvalidRequest")
