"""Everything that can go wrong, through to a file: an error, or a picture without a pixel of the original.

No socket can be opened in any of it.
"""

from __future__ import annotations

import io
import math
import socket

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.errors import ClassifierMissing, InvalidImage, MultiEditError, WeightsMismatch
from multiedit.pipelines.editing.output import encode_result, screen_image
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.safety.classifiers.loader import classifier_loader
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS
from multiedit.pipelines.safety.classifiers.store import Store
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.screening import screen
from multiedit.tests.support.classifiers import StandIn, redness
from PIL import Image

DOWNLOADED = [name for name, spec in CLASSIFIERS.items() if spec.url]


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("safe mode opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def levels(count=1, channels=3):
    """Noise in whole 8-bit steps, so that a byte of the file is a sample of the picture."""
    noise = torch.randint(0, 256, (count, 40, 56, channels), generator=torch.Generator().manual_seed(9))
    if channels == 4:
        noise[..., 3] = 255
    return noise / 255


def file_of(image, load, policy=Policy()):  # noqa: B008
    """The bytes of a finished PNG file, and its samples."""
    shown, report = screen_image(image, load, policy)
    data = encode_result(
        shown, report, EncodeOptions(format="png"), {"secret": "recipe"}, {"prompt": "recipe"}
    ).data
    return data, np.asarray(Image.open(io.BytesIO(data))), report


def raises(images):
    raise RuntimeError("the device is gone")


def broken(value):
    def change(image):
        image[0, 20, 30, 1] = value
        return image

    return change


WRONG = {
    "NaN pixel": (broken(math.nan), redness),
    "infinite pixel": (broken(math.inf), redness),
    "NaN score": (lambda image: image, lambda images: torch.full((1, 1), math.nan)),
    "infinite score": (lambda image: image, lambda images: torch.full((1, 1), -math.inf)),
    "wrong shape": (lambda image: image, lambda images: torch.zeros(2, 1)),
    "exception": (lambda image: image, raises),
    "flag": (lambda image: image, lambda images: torch.ones(1, 1)),
}


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("what", WRONG)
def test_no_pixel_and_no_recipe_of_the_original_is_in_the_file(what, channels):
    change, answer = WRONG[what]
    image = change(levels(channels=channels))
    data, samples, report = file_of(image, lambda: StandIn(answer))
    original = (levels(channels=channels)[0] * 255).round().byte().numpy()
    assert report.blurred
    assert b"recipe" not in data
    # Noise of 256 levels against a blur of 32: by chance a sample in 256 is the same, a pixel in 16 million.
    assert not (samples[..., :3] == original[..., :3]).all(axis=-1).any()
    assert samples.shape == original.shape


def test_without_fault_the_file_is_the_picture_with_its_recipe():
    data, samples, report = file_of(levels(), lambda: StandIn(lambda images: torch.zeros(1, 1)))
    assert not report.blurred
    assert b"recipe" in data
    assert np.array_equal(samples, (levels()[0] * 255).round().byte().numpy())


@pytest.mark.parametrize("bad", range(3))
def test_what_is_wrong_with_one_picture_of_a_batch_is_no_matter_of_the_others(bad):
    batch = levels(3)
    marked = float(batch[bad, 0, 0, 0])
    batch[[index for index in range(3) if index != bad], 0, 0, 0] = 1 - marked

    def answer(images):
        return raises(images) if float(images[0, 0, 0, 0]) == marked else torch.zeros(1, 1)

    shown, reports = screen(batch, lambda: StandIn(answer))
    assert [report.status for report in reports] == ["error" if index == bad else "ok" for index in range(3)]
    for index in range(3):
        same = (shown[index] == batch[index]).all(dim=-1)
        assert bool(same.any()) == bool(same.all()) == (index != bad)


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(on_missing="blur_all")], ids=lambda policy: policy.on_missing
)
@pytest.mark.parametrize("names", [*([name] for name in DOWNLOADED), DOWNLOADED, ["open_nsfw", "light"]])
@pytest.mark.parametrize("fault", ["absent", "truncated", "another file", "a folder", "a pickle"])
def test_weights_that_are_not_right_let_nothing_out(tmp_path, names, fault, policy):
    """One wrong file of two is enough, and only an absent one may be answered with a blur."""
    known = CLASSIFIERS[[name for name in names if name in DOWNLOADED][-1]]
    path = tmp_path / known.file
    path.parent.mkdir(parents=True)
    if fault == "a folder":
        path.mkdir()
    elif fault != "absent":
        path.write_bytes(
            {"truncated": b"\0" * 100, "another file": levels().numpy().tobytes()}.get(fault, b"\x80\x04.")
        )
    load = classifier_loader(names, Store((tmp_path,)))
    missing = fault in ("absent", "a folder") or (len(names) > 1 and names == DOWNLOADED)
    if missing and policy.on_missing == "blur_all":
        _, samples, report = file_of(levels(), load, policy)
        assert (report.status, report.blurred) == ("no_classifier", True)
        original = (levels()[0] * 255).round().byte().numpy()
        assert not (samples == original).all(axis=-1).any()
        return
    with pytest.raises(ClassifierMissing if missing else WeightsMismatch):
        file_of(levels(), load, policy)


@pytest.mark.parametrize(
    "image", [levels()[..., :1], levels()[..., :2], levels()[0], (levels() * 255).byte()]
)
def test_a_tensor_that_is_no_picture_is_an_error(image):
    with pytest.raises(InvalidImage):
        screen(image, StandIn)


@pytest.mark.parametrize("rate", [None, 24.0])
def test_an_empty_batch_is_empty(rate):
    shown, reports = screen(levels()[:0], StandIn, frames_per_second=rate)
    assert (len(shown), reports) == (0, [])


def test_errors_of_safe_mode_say_nothing_of_this_machine(tmp_path):
    for name in DOWNLOADED:
        with pytest.raises(MultiEditError) as caught:
            classifier_loader([name], Store((tmp_path,)))()
        assert str(tmp_path) not in caught.value.message
