"""The network of nsfwjs against nsfwjs: stored answers, and the package itself where it is.

To have the package: `mkdir FOLDER && cd FOLDER && npm pack nsfwjs@4.4.0`, then `npm install --prefix FOLDER
FOLDER/nsfwjs-4.4.0.tgz buffer @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0`, and name the
folder in MULTIEDIT_TEST_NSFWJS.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import torch
from multiedit.pipelines.safety.classifiers.loader import classifier_loader, load_known
from multiedit.pipelines.safety.classifiers.mobilenet_v2 import CLASSES, SIDE, classes
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED, EMBEDDED_FOLDER
from multiedit.pipelines.safety.classifiers.store import Store
from multiedit.pipelines.safety.classifiers.views import square_views
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.screening import check

SCRIPTS = Path(__file__).parents[2] / "scripts"
FOLDER, NODE = os.environ.get("MULTIEDIT_TEST_NSFWJS"), shutil.which("node")
needs_package = pytest.mark.skipif(
    None in (FOLDER, NODE), reason="no node, or MULTIEDIT_TEST_NSFWJS names no folder"
)


@pytest.fixture(scope="module")
def nsfwjs():
    return load_known("nsfwjs", Store(()))


def waves(height, width, *numbers):
    """A picture in 8 bits, [height, width, 3], of bent stripes in whole arithmetic."""
    across, down, tilt, colour = numbers
    y, x, channel = (torch.arange(n) for n in (height, width, 3))
    y, x = y.view(-1, 1, 1) * 224 // height - 112, x.view(1, -1, 1) * 224 // width - 112
    phase = ((x * x * across + y * y * down) // 256 + x * tilt) // 16 + channel * colour
    return ((phase + 256) % 512 - 256).abs().clamp(max=255).to(torch.uint8)


def resized(picture):
    """As nsfwjs does it: by bilinear interpolation from corner to corner."""
    x = picture.permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=True)


# Made once by scripts/nsfwjs_reference.mjs (tfjs 4.22.0, wasm) from `waves`.
ORIGINAL = {
    (480, 97, 29, 134, -7, 21): [0.240907, 0.0120457, 0.741936, 0.00291631, 0.00219532],
    (33, 97, -5, 146, -22, 22): [0.220589, 0.0399138, 0.691003, 0.0374436, 0.0110503],
    (33, 160, 50, 104, 0, 17): [0.188336, 0.0229955, 0.77858, 0.00837175, 0.00171715],
    (160, 97, 31, 35, 10, 8): [0.0398327, 0.0352687, 0.914771, 0.00694528, 0.00318196],
    (300, 224, 22, 26, -20, 23): [0.0534643, 0.0314671, 0.90934, 0.00393584, 0.00179275],
    (224, 300, 144, 131, -46, 124): [6.68423e-05, 2.03234e-07, 0.999933, 1.14846e-08, 1.09816e-07],
    (224, 97, -113, 54, 40, 11): [0.00694599, 0.00385588, 0.547261, 0.439794, 0.00214383],
    (480, 97, 107, -64, 21, 7): [0.00518773, 0.00239228, 0.701231, 0.289367, 0.001822],
    (480, 97, -124, 92, -19, 0): [0.0174449, 0.00553604, 0.76247, 0.212799, 0.00174977],
    (300, 480, -8, 108, -30, 9): [0.0920392, 0.0272483, 0.787098, 0.0890157, 0.00459833],
    (480, 33, 2, 73, -24, 24): [0.114219, 0.0291877, 0.839625, 0.0136281, 0.00333931],
    (224, 224, 0, 0, 0, 0): [0.0244942, 0.0225232, 0.950719, 0.00111426, 0.00114972],
}


@pytest.mark.parametrize("formula", ORIGINAL, ids=str)
def test_the_stored_answers_of_nsfwjs_are_ours(nsfwjs, formula):
    ours = classes(nsfwjs.weights(), resized(waves(*formula)))[0]
    expected = torch.tensor(ORIGINAL[formula])
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(ours.log(), expected.log(), atol=0.01, rtol=0)  # small ones count as much


@needs_package
def test_nsfwjs_itself_answers_the_same(nsfwjs):
    chance = random.Random(4)
    sides = [(chance.randint(1, 400), chance.randint(1, 400)) for _ in range(12)] + [(SIDE, SIDE)]
    pictures = [waves(*side, *(chance.randint(-150, 150) for _ in range(4))) for side in sides]
    data = b"".join(
        struct.pack("<II", *picture.shape[:2]) + picture.numpy().tobytes() for picture in pictures
    )
    ran = subprocess.run(
        [NODE, str(SCRIPTS / "nsfwjs_reference.mjs"), FOLDER],
        input=data, capture_output=True, check=True,
    )  # fmt: skip
    theirs = torch.tensor([json.loads(line) for line in ran.stdout.splitlines()])
    ours = torch.cat([classes(nsfwjs.weights(), resized(picture)) for picture in pictures])
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@needs_package
def test_the_script_makes_the_shipped_file_from_the_package():
    convert = runpy.run_path(str(SCRIPTS / "convert_nsfwjs.py"))["convert"]
    shipped = EMBEDDED_FOLDER / CLASSIFIERS["nsfwjs"].file
    assert convert(Path(FOLDER) / "nsfwjs-4.4.0.tgz") == shipped.read_bytes()


def test_the_levels_are_the_classes_that_are_not_safe(nsfwjs):
    views = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    every = classes(nsfwjs.weights(), views)
    assert every.sum(1).tolist() == pytest.approx([1, 1])
    scores = nsfwjs.network.probabilities(nsfwjs.weights(), views)
    for level, column in zip(nsfwjs.levels, scores.T, strict=True):
        assert torch.equal(column, every[:, CLASSES.index(level)])
    assert set(CLASSES) - set(nsfwjs.levels) == {"drawing", "neutral"}


def fitted(nsfwjs, picture, level):
    """The picture with noise of at most 3/255 that lifts one class, by following its gradient."""
    change = torch.zeros_like(picture)
    for _ in range(6):
        change.requires_grad_()
        score = classes(nsfwjs.weights(), square_views(picture + change, SIDE)[:, 0])
        (slope,) = torch.autograd.grad(score[:, CLASSES.index(level)].log().sum(), change)
        change = (change.detach() + 1 / 255 * slope.sign()).clamp(-3 / 255, 3 / 255)
    return ((picture + change) * 255).round() / 255


@pytest.mark.parametrize(("level", "flagging"), [("hentai", {"default", "strict"}), ("sexy", {"strict"})])
def test_a_report_says_which_class_of_which_classifier_decided(nsfwjs, landscape, level, flagging):
    """On a harmless picture. It proves the wiring and says nothing about recall."""
    picture = fitted(nsfwjs, landscape, level)
    for preset in ("strict", "default"):
        (report,) = check(picture, classifier_loader(EMBEDDED, Store(())), Policy(preset))
        assert report.blurred == (preset in flagging)
        assert report.classifier == "open_nsfw+nsfwjs"
        assert report.sha256 == "+".join(CLASSIFIERS[name].sha256 for name in EMBEDDED)
        if report.blurred:
            assert (report.level, report.score) == (f"nsfwjs.{level}", report.scores[f"nsfwjs.{level}"])
