from __future__ import annotations

import json
import math

import pytest
import torch
from multiedit.pipelines.common.errors import ClassifierMissing, InvalidImage, InvalidRequest, WeightsMismatch
from multiedit.pipelines.safety import screening as module
from multiedit.pipelines.safety.blur import blur
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.report import SafetyReport, off_report
from multiedit.pipelines.safety.screening import check, screen
from multiedit.tests.support.classifiers import StandIn, redness


def refuse(error):
    def load():
        raise error

    return load


def untouched(image, original):
    """Whether any green or blue sample, which are noise, is the original's."""
    return bool((image[..., 1:3] == original[..., 1:3]).any())


@pytest.mark.parametrize(
    ("red", "threshold", "blurred"),
    [
        (0.0, None, False),
        (0.25, None, False),
        (0.5 - 2**-20, None, False),
        (0.5, None, True),
        (0.75, None, True),
        (1.0, None, True),
        (0.25, 0.25, True),
        (0.25, 0.250001, False),
        (0.0, 0.0, True),
        (1.0, 1.0, True),
        (0.75, 1.0, False),
    ],
)
def test_a_picture_passes_only_below_the_threshold(reds, red, threshold, blurred):
    original = reds(red)
    image, (report,) = screen(original, StandIn, Policy(threshold=threshold))
    assert report == SafetyReport(
        safe_mode=True,
        status="ok",
        blurred=blurred,
        score=red,
        label="nsfw" if blurred else "sfw",
        level="nsfw",
        threshold=0.5 if threshold is None else threshold,
        preset="default",
        classifier="by-red",
        sha256="0" * 64,
        scores={"nsfw": red},
        blur="area16x5bit" if blurred else None,
    )
    assert torch.equal(image, blur(original) if blurred else original)


def test_each_picture_of_a_batch_has_its_own_decision_in_order(reds):
    original = reds(0.1, 0.9, 0.2, 0.8)
    copy = original.clone()
    image, reports = screen(original, StandIn)
    assert [report.blurred for report in reports] == [False, True, False, True]
    assert [report.score for report in reports] == pytest.approx([0.1, 0.9, 0.2, 0.8])
    for index in (0, 2):
        assert torch.equal(image[index], original[index])
    for index in (1, 3):
        assert torch.equal(image[index], blur(original[index : index + 1])[0])
    assert torch.equal(original, copy)
    assert (image.shape, image.dtype) == (original.shape, original.dtype)


def test_a_batch_is_checked_in_parts_of_eight_with_the_decisions_of_singles(reds):
    classifier, shares = StandIn(), []
    batch = reds(*torch.linspace(0, 1, 19).tolist())
    batch[5] = math.nan
    reports = check(batch, lambda: classifier, progress=shares.append)
    assert [shape[0] for shape in classifier.seen] == [7, 8, 3]
    assert shares == pytest.approx([0, 8 / 19, 16 / 19, 1])
    singles = [check(batch[index : index + 1], StandIn)[0] for index in range(19)]
    assert reports == singles
    assert {report.blurred for report in reports} == {True, False}


def test_large_pictures_are_judged_in_smaller_parts(reds, monkeypatch):
    for pixels, parts in ((2 * 32 * 48, [2, 2, 1]), (1, [1] * 5)):
        monkeypatch.setattr(module, "PIXELS_AT_ONCE", pixels)
        classifier = StandIn()
        check(reds(*[0.1] * 5), lambda: classifier)  # noqa: B023
        assert [shape[0] for shape in classifier.seen] == parts


def test_pictures_with_and_without_transparency_keep_their_decisions_in_one_batch(reds):
    batch = torch.cat([reds(0.2, 0.2, 0.6), torch.ones(3, 32, 48, 1)], dim=3)
    batch[1, ..., 3] = 0.0  # white shows through
    assert [report.score for report in check(batch, StandIn)] == pytest.approx([0.2, 1.0, 0.6])


def test_a_batch_that_passes_is_not_copied(reds):
    original = reds(0.1, 0.2)
    assert screen(original, StandIn)[0] is original


def test_an_empty_batch_has_no_reports(reds):
    image, reports = screen(reds(), StandIn)
    assert (tuple(image.shape), reports) == ((0, 32, 48, 3), [])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("channel", [0, 3])
def test_one_bad_sample_blurs_its_image_alone(reds, bad, channel):
    original = torch.cat([reds(0.0, 0.0, 0.0), torch.ones(3, 32, 48, 1)], dim=3)
    original[1, 31, 47, channel] = bad
    image, reports = screen(original, StandIn)
    assert [report.status for report in reports] == ["ok", "error", "ok"]
    assert [report.blurred for report in reports] == [False, True, False]
    assert (reports[1].score, reports[1].label) == (None, None)
    assert torch.isfinite(image).all()
    assert not untouched(image[1], original[1])
    assert torch.equal(image[::2], original[::2])


def raises(images):
    raise RuntimeError("the device is gone")


@pytest.mark.parametrize(
    "answer",
    [
        lambda images: torch.tensor([[math.nan]]),
        lambda images: torch.tensor([[math.inf]]),
        lambda images: torch.tensor([[-math.inf]]),
        lambda images: torch.tensor([[0.0, 0.0]]),
        lambda images: torch.tensor([[0.0], [0.0]]),
        lambda images: torch.tensor(0.0),
        lambda images: torch.tensor([0.0]),
        lambda images: torch.tensor([]),
        raises,
    ],
    ids=["nan", "inf", "-inf", "two levels", "two pictures", "scalar", "vector", "none", "RuntimeError"],
)
def test_an_image_that_cannot_be_classified_is_blurred_alone(reds, answer):
    original = reds(0.0, 0.25, 0.0)
    classifier = StandIn(
        lambda images: answer(images) if (images[:, 0, 0, 0] == 0.25).any() else redness(images)
    )
    image, reports = screen(original, lambda: classifier)
    assert [(report.status, report.blurred) for report in reports] == [
        ("ok", False),
        ("error", True),
        ("ok", False),
    ]
    assert reports[1].classifier == "by-red"
    assert not untouched(image[1], original[1])
    assert torch.equal(image[::2], original[::2])


@pytest.mark.parametrize("error", [ValueError("bug"), KeyError("bug"), MemoryError()])
def test_any_other_failure_gives_no_picture_at_all(reds, error):
    def answer(images):
        raise error

    with pytest.raises(type(error)):
        screen(reds(0.0), lambda: StandIn(answer))


def test_without_a_classifier_there_is_an_error_or_everything_is_blurred(reds):
    original = reds(0.0, 0.1)
    load = refuse(ClassifierMissing("no weights"))
    with pytest.raises(ClassifierMissing):
        screen(original, load)
    image, reports = screen(original, load, Policy(on_missing="blur_all"))
    assert [report.to_dict() for report in reports] == 2 * [
        {
            "safe_mode": True,
            "status": "no_classifier",
            "blurred": True,
            "score": None,
            "label": None,
            "level": None,
            "threshold": None,
            "preset": None,
            "classifier": None,
            "sha256": None,
            "scores": None,
            "blur": "area16x5bit",
        }
    ]
    assert torch.equal(image, blur(original))
    assert not untouched(image, original)


@pytest.mark.parametrize("on_missing", ["error", "blur_all"])
def test_wrong_weights_are_an_error_always(reds, on_missing):
    with pytest.raises(WeightsMismatch):
        screen(reds(0.0), refuse(WeightsMismatch("damaged")), Policy(on_missing=on_missing))


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(1, 8, 8, 3, dtype=torch.uint8),
        torch.zeros(1, 8, 8, 1),
        torch.zeros(1, 8, 8, 2),
        torch.zeros(8, 8, 3),
        torch.zeros(1, 3, 8, 8),
        torch.zeros(1, 0, 8, 3),
    ],
    ids=lambda image: f"{image.dtype}{list(image.shape)}",
)
def test_a_tensor_that_is_no_picture_is_refused(image):
    with pytest.raises(InvalidImage, match=r"\[B, H, W, 3 or 4\]"):
        screen(image, StandIn)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan, math.inf])
def test_a_threshold_that_would_switch_safe_mode_off_is_refused(threshold):
    with pytest.raises(InvalidRequest, match="0 to 1"):
        Policy(threshold=threshold)


def test_colours_hidden_by_transparency_count():
    hidden = torch.zeros(1, 32, 32, 4)
    hidden[..., 0] = 1
    image, (report,) = screen(hidden, StandIn)
    assert report.blurred
    assert (image[..., 3] == 1).all()


@pytest.mark.parametrize("sheet", [0.0, 0.5, 1.0])
def test_a_drawing_in_the_alpha_channel_counts_on_any_sheet(sheet):
    classifier = StandIn(lambda images: (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))[:, None])
    drawing = torch.full((1, 32, 32, 4), sheet)
    drawing[..., 3] = 0
    drawing[:, 8:24, 8:24, 3] = 1
    (report,) = check(drawing, lambda: classifier)
    assert report.blurred


def test_values_are_judged_as_they_will_be_shown(reds):
    image = reds(0.0)
    image[0, :8, :, 0] = 50.0
    image[0, 8:, :, 0] = -50.0
    (report,) = check(image, StandIn)
    assert report.score == pytest.approx(8 / 32)


def test_reports_are_json_without_nan(reds):
    image = reds(0.1, 0.9, 0.1)
    image[2] = math.nan
    for report in [*check(image, StandIn), off_report()]:
        keys = json.loads(json.dumps(report.to_dict(), allow_nan=False)).keys()
        assert keys == off_report().to_dict().keys()
    assert off_report().to_dict() == {
        "safe_mode": False,
        "status": "off",
        "blurred": False,
        **dict.fromkeys(
            ["score", "label", "level", "threshold", "preset", "classifier", "sha256", "scores", "blur"]
        ),
    }
