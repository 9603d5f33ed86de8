"""Batches to files: formats, metadata, and what a blurred picture may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.editing.save import Saved, save_images
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.planning.plan import format_for_tier
from multiedit.pipelines.planning.size import closest_tier
from multiedit.tests.support.metadata import read_metadata
from PIL import Image

TEXTS = {"prompt": '{"1": {}}', "workflow": '{"nodes": []}'}


def saved(folder: Path, images: torch.Tensor, **options: Any) -> list[Saved]:
    settings = options.pop("settings", EncodeOptions())
    usual = {"automatic": False, "texts": TEXTS, "report": None, "plan": None, "progress": lambda share: None}
    options = {**usual, **options}
    return save_images(images, settings, lambda index, suffix: folder / f"{index}{suffix}", **options)


def save(folder: Path, images: torch.Tensor, **options: Any) -> list[Path]:
    return [file.path for file in saved(folder, images, **options)]


def report(*blurred: bool) -> str:
    return json.dumps([{"safe_mode": True, "status": "ok", "blurred": each} for each in blurred])


@pytest.mark.parametrize(
    ("format", "suffix", "kind"),
    [("png", ".png", "PNG"), ("jpeg", ".jpg", "JPEG"), ("webp", ".webp", "WEBP")],
)
def test_each_picture_gets_a_file(tmp_path: Path, format: Any, suffix: str, kind: str) -> None:
    files = save(tmp_path, torch.rand(3, 20, 30, 3), settings=EncodeOptions(format=format))
    assert [file.name for file in files] == [f"{n}{suffix}" for n in range(3)]
    for file in files:
        with Image.open(file) as image:
            assert (image.format, image.size) == (kind, (30, 20))
        assert read_metadata(file.read_bytes(), format) == TEXTS


@pytest.mark.parametrize(
    ("size", "tier", "suffix"),
    [((64, 64), "1K", ".png"), ((1440, 1440), "1K", ".png"), ((1456, 1456), "2K", ".jpg")],
)
def test_the_format_is_by_the_size(tmp_path: Path, size: tuple[int, int], tier: str, suffix: str) -> None:
    assert closest_tier(size) == tier
    files = save(tmp_path, torch.zeros(1, size[1], size[0], 3), automatic=True)
    assert files[0].suffix == suffix


def test_4k_is_jpeg_and_no_tier_is_png() -> None:
    assert closest_tier((5504, 3072)) == "4K"
    assert [format_for_tier(tier) for tier in (None, "1K", "2K", "4K")] == ["png", "png", "jpeg", "jpeg"]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_blurred_picture_carries_its_report_and_no_recipe(tmp_path: Path, format: Any) -> None:
    unblurred, blurred = save(
        tmp_path,
        torch.rand(2, 8, 8, 3),
        settings=EncodeOptions(format=format),
        report=report(False, True),
    )
    said = read_metadata(unblurred.read_bytes(), format)
    assert set(said) == {"multiedit", "prompt", "workflow"}
    assert json.loads(said["multiedit"])["safe_mode"]["blurred"] is False
    said = read_metadata(blurred.read_bytes(), format)
    assert set(said) == {"multiedit"}
    assert json.loads(said["multiedit"])["safe_mode"]["blurred"] is True


def test_what_a_file_cannot_say_is_told_about_it(tmp_path: Path) -> None:
    decisions = report(False, True)
    unblurred, blurred = (
        json.loads(file.about) for file in saved(tmp_path, torch.rand(2, 8, 8, 3), report=decisions)
    )
    assert [unblurred["safe_mode"], blurred["safe_mode"]] == json.loads(decisions)
    assert unblurred["dropped_metadata"] == []
    assert set(blurred["dropped_metadata"]) == {"prompt", "workflow"}
    [unjudged] = saved(tmp_path, torch.rand(1, 8, 8, 3))
    assert json.loads(unjudged.about) == {"safe_mode": None, "dropped_metadata": [], "notes": []}


@pytest.mark.parametrize(
    ("plan", "notes"), [({"notes": ["A note."]}, ["A note."]), ({"notes": 5}, []), ({}, [])]
)
def test_whoever_asked_is_told_the_plan_s_notes(
    plan: dict[str, object], notes: list[str], tmp_path: Path
) -> None:
    [file] = saved(tmp_path, torch.rand(1, 8, 8, 3), plan=json.dumps(plan))
    assert json.loads(file.about)["notes"] == notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is not valid JSON"),
        ("{}", "no list of decisions"),
        ("[1, 2]", "no list of decisions"),
        ('[{"blurred": "no"}, {"blurred": false}]', "no list of decisions"),
        (report(False), "1 decisions for 2 images"),
    ],
)
def test_a_report_that_is_not_of_these_pictures_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        save(tmp_path, torch.rand(2, 8, 8, 3), report=text)
    assert not list(tmp_path.iterdir())


def test_what_progress_raises_ends_the_work_between_pictures(tmp_path: Path) -> None:
    def interrupt(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, torch.rand(4, 8, 8, 3), progress=interrupt)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.png", "1.png", "2.png"]


def test_a_file_says_how_it_was_made_unless_it_is_blurred(tmp_path: Path) -> None:
    unblurred, blurred = save(
        tmp_path, torch.rand(2, 16, 16, 3), texts={}, report=report(False, True), plan='{"model": "m"}'
    )
    assert json.loads(read_metadata(unblurred.read_bytes(), "png")["multiedit"])["plan"] == {
        "model": "m",
        "safe_mode": True,
    }
    assert set(json.loads(read_metadata(blurred.read_bytes(), "png")["multiedit"])) == {"safe_mode"}


@pytest.mark.parametrize("plan", ["", "a plan", "[]"])
def test_what_is_no_plan_is_refused(tmp_path: Path, plan: str) -> None:
    with pytest.raises(InvalidRequest, match="plan"):
        save(tmp_path, torch.rand(1, 16, 16, 3), plan=plan)
    assert list(tmp_path.iterdir()) == []
