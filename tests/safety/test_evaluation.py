from __future__ import annotations

import hashlib

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.safety.evaluation import label_all_safe, read_labels, results, score_images
from multiedit.tests.support.classifiers import StandIn
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    for name, red in (("a.png", 250), ("b.png", 200), ("c.png", 20), ("d.png", 180)):
        Image.new("RGB", (20, 30), (red, 0, 90)).save(tmp_path / name)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "e.jpg").write_bytes(b"no picture")
    (tmp_path / "labels.csv").write_text(
        "file,label\na.png,unsafe\nb.png,1\nc.png,safe\nd.png,SFW\ngone.png,safe\n"
    )
    return tmp_path


def test_images_are_scored_and_named_by_their_sha256(folder):
    labels = read_labels(folder / "labels.csv")
    scored, unread = score_images(folder, labels, StandIn(), Limits())
    assert unread == ["gone.png"]
    names = {
        hashlib.sha256((folder / name).read_bytes()).hexdigest(): name
        for name in labels
        if name != "gone.png"
    }
    assert {names[each.sha256]: each.unsafe for each in scored} == {
        "a.png": True, "b.png": True, "c.png": False, "d.png": False,
    }  # fmt: skip
    assert scored[0].scores["whole"]["nsfw"] == pytest.approx(250 / 255)
    assert scored[0].scores.keys() == {"whole", "tiles"}


def test_every_preset_and_view_setting_is_measured(folder):
    scored, _ = score_images(folder, read_labels(folder / "labels.csv"), StandIn(), Limits())
    found = list(results(scored, StandIn()))
    assert [(each["views"], each["preset"]) for each in found] == [
        (views, preset) for views in ("whole", "tiles") for preset in ("strict", "default", "loose")
    ]
    assert (found[1]["recall"]["value"], found[1]["false_positives"], found[1]["roc_auc"]["value"]) == (
        1.0,
        1,
        1.0,
    )


def test_a_folder_can_be_label_all_safe(folder):
    labels = label_all_safe(folder)
    assert set(labels) == {"a.png", "b.png", "c.png", "d.png", "more/e.jpg"}
    assert not any(labels.values())


@pytest.mark.parametrize(
    "text", ["file,label\na.png,maybe\n", "name,label\na.png,safe\n", "file,label\na.png\n"]
)
def test_invalid_labels_are_refused(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InvalidRequest, match="columns file and label"):
        read_labels(tmp_path / "labels.csv")
