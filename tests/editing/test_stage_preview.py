"""The stage's pictures: the composite of a document is the run's, and nothing is larger than it may be."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.errors import InvalidImage, InvalidRequest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.stage_preview import StagePreview, read_document
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.layers.modes import BLEND_MODES
from multiedit.pipelines.layers.placement import ANCHORS, FITS, Placement
from multiedit.pipelines.layers.stack import compose_stack
from multiedit.tests.support.pictures import SAMPLES
from PIL import Image
from torch import Tensor

LIMITS = Limits()
FILES = {"coffee.jpg": SAMPLES / "coffee.jpg", "galaxies.jpg": SAMPLES / "galaxies.jpg"}
CANVAS = (150, 100)
SMALL = {
    "base.png": ("coffee.jpg", CANVAS),
    "sky.png": ("galaxies.jpg", (90, 90)),
    "cup.png": ("coffee.jpg", (75, 40)),
}
DOCUMENTS = 50
COVER = {"fit": "cover"}


@pytest.fixture(scope="module")
def preview() -> StagePreview:
    return StagePreview(FILES.get, LIMITS)


def pixels(data: bytes) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).copy())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The photographs in small."""
    folder = tmp_path_factory.mktemp("small")
    for name, (file, size) in SMALL.items():
        Image.open(FILES[file]).resize(size).save(folder / name)
    return {name: folder / name for name in SMALL}


def placements(seed: int) -> list[dict[str, Any]]:
    """What a hand could do to two overlays."""
    dice = random.Random(seed)
    return [
        {
            "fit": dice.choice(FITS),
            "anchor": dice.choice(ANCHORS),
            "offset_x": round(dice.uniform(-60, 60), 2),
            "offset_y": round(dice.uniform(-60, 60), 2),
            "scale": round(dice.uniform(0.1, 1.2), 3),
            "rotation": dice.choice([0, 0, 90, round(dice.uniform(-180, 180), 2)]),
            "flip_h": dice.random() < 0.3,
            "flip_v": dice.random() < 0.3,
            "opacity": dice.choice([1, round(dice.uniform(0.2, 1), 2)]),
            "blend_mode": dice.choice(["normal", *BLEND_MODES]),
        }
        for _ in range(2)
    ]


def test_the_picture_is_the_runs(small: dict[str, Path]) -> None:
    preview = StagePreview(small.get, LIMITS)
    images = {
        number: (ImageFile(small[name].read_bytes(), LIMITS, name).image(), None)
        for number, name in enumerate(SMALL, start=1)
    }
    for seed in range(DOCUMENTS):
        fields = [COVER, *placements(seed)]
        layers = [{"name": name, "placement": each} for name, each in zip(SMALL, fields, strict=True)]
        document = {"canvas": list(CANVAS), "lossless": True, "layers": layers}
        shown = pixels(preview.compose(read_document(document, LIMITS)))
        placed = {number: Placement(**each) for number, each in enumerate(fields[1:], start=2)}
        run = compose_stack(
            None, images, Placement(), placements=placed, canvas="base", background=None, limits=LIMITS
        ).image[0]
        difference = (shown.float() - (run[..., :3] * 255).round()).abs()
        assert difference.max() <= 2, seed


def test_a_large_document_is_scaled_down_and_placed_as_at_full_size(preview: StagePreview) -> None:
    corner = {"fit": "none", "anchor": "bottom-right", "scale": 4}
    layers = [{"name": "coffee.jpg", "placement": COVER}, {"name": "galaxies.jpg", "placement": corner}]
    document = {"canvas": [6000, 4000], "side": 600, "lossless": True, "layers": layers}
    shown = pixels(preview.compose(read_document(document, LIMITS))).float()
    assert shown.shape == (400, 600, 3)
    assert shown[200:, 380:].mean() < 40  # the dark sky, 256 by 256
    assert shown[:140].mean() > 60


def test_a_picture_is_small_and_says_its_own_size(preview: StagePreview, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.new("RGBA", (3000, 1500), (255, 0, 0, 0)).save(large)
    data, size = StagePreview(lambda name: large, LIMITS).picture("large.png", opaque=False)
    shown = Image.open(io.BytesIO(data))
    assert (size, shown.size, shown.mode) == ((3000, 1500), (1024, 512), "RGBA")
    opaque, _ = StagePreview(lambda name: large, LIMITS).picture("large.png", opaque=True)
    assert Image.open(io.BytesIO(opaque)).mode == "RGB"


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    preview = StagePreview(lambda name: file, LIMITS)
    for number, size in enumerate(((30, 20), (10, 40))):
        Image.new("RGB", size).save(file)
        os.utime(file, (number, number))
        assert preview.picture("a.png", opaque=False)[1] == size


def test_what_is_not_there_is_named(preview: StagePreview) -> None:
    with pytest.raises(InvalidImage, match=r"no\.png is not in the input folder"):
        preview.picture("no.png", opaque=False)


def test_hidden_layers_alone_are_an_empty_picture(preview: StagePreview) -> None:
    layer = {"name": "coffee.jpg", "placement": {"visible": False}}
    document = read_document({"canvas": [60, 40], "layers": [layer]}, LIMITS)
    assert Image.open(io.BytesIO(preview.compose(document))).size == (60, 40)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"canvas": [0, 5]}, "canvas"),
        ({"canvas": [70_000, 5]}, "canvas"),
        ({"canvas": 5}, "canvas"),
        ({"side": 5000}, "side"),
        ({"layers": []}, "layers"),
        ({"layers": [{}] * 51}, "layers"),
        ({"layers": [{"name": 3}]}, r"layers\.1\.name"),
        ({"layers": [{"name": "a", "placement": {"scale": 0}}]}, r"layers\.1\.placement\.scale"),
        ({"layers": [{"name": "a", "x": 0}]}, r"layers\.1"),
        ({"background": "red"}, "background"),
        ({"other": 1}, "other"),
    ],
)
def test_a_document_is_checked(changes: dict[str, Any], words: str) -> None:
    document = {"canvas": [60, 40], "layers": [{"name": "coffee.jpg"}], **changes}
    with pytest.raises(InvalidRequest, match=words):
        read_document(document, LIMITS)


def test_a_layer_beyond_the_limits_is_refused(preview: StagePreview) -> None:
    layers = [{"name": "coffee.jpg", "placement": {"scale": 100}}]
    with pytest.raises(InvalidRequest, match="smaller scale"):
        preview.compose(read_document({"canvas": [768, 768], "layers": layers}, LIMITS))
