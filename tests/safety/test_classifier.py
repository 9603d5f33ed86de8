"""Levels, presets, two classifiers as one, and what a `NetworkClassifier` does with its parts."""

from __future__ import annotations

import math

import pytest
import torch
from multiedit.pipelines.common.errors import ClassifierMissing, ContentRefused
from multiedit.pipelines.safety.classifiers import network
from multiedit.pipelines.safety.classifiers.classifier import EnsembleClassifier
from multiedit.pipelines.safety.classifiers.eva02 import FREEPIK, at_least
from multiedit.pipelines.safety.classifiers.network import Network, NetworkClassifier, NetworkEnsemble
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS
from multiedit.pipelines.safety.classifiers.views import square_views
from multiedit.pipelines.safety.classifiers.vit import NETWORK as VIT
from multiedit.pipelines.safety.policy import PRESETS, Policy, Rule
from multiedit.pipelines.safety.screening import check, require_classifier, require_safe, screen
from multiedit.tests.support.classifiers import StandIn, fixed, rules_of

IMAGE = torch.full((1, 32, 32, 3), 0.25)


def graded(low, medium, high):
    """A classifier with the levels and presets of `recommended`, and fixed scores."""
    known = CLASSIFIERS["recommended"]
    scores = torch.tensor([[low, medium, high]])
    return StandIn(lambda images: scores, "graded", levels=known.levels, rules=known.rules)


@pytest.mark.parametrize(
    ("scores", "flagging"),
    [
        ((0.49, 0.2, 0.1), set()),
        ((0.5, 0.2, 0.1), {"strict"}),
        ((0.9, 0.5, 0.1), {"strict", "default"}),
        ((0.9, 0.8, 0.5), {"strict", "default", "loose"}),
    ],
)
def test_a_preset_says_which_level_is_too_much(scores, flagging):
    for preset in PRESETS:
        (report,) = check(IMAGE, lambda: graded(*scores), Policy(preset=preset))
        assert report.blurred == (preset in flagging)
        assert report.level == {"strict": "low", "default": "medium", "loose": "high"}[preset]
        assert report.score == pytest.approx(report.scores[report.level])


def test_presets_get_looser_in_order():
    for known in CLASSIFIERS.values():
        for picture in range(11):
            scores = [[max(0.0, picture / 10 - 0.2 * index) for index in range(len(known.levels))]]
            classifier = StandIn(
                lambda images, scores=scores: torch.tensor(scores), levels=known.levels, rules=known.rules
            )
            strict, default, loose = (
                check(IMAGE, lambda: classifier, Policy(preset=preset))[0].blurred  # noqa: B023
                for preset in PRESETS
            )
            assert strict >= default >= loose


def test_a_level_that_is_not_finite_blurs_whatever_the_preset_looks_at():
    (report,) = check(IMAGE, lambda: graded(0.0, 0.0, math.nan), Policy(preset="strict"))
    assert (report.status, report.blurred, report.scores) == ("error", True, None)


@pytest.mark.parametrize(
    ("first", "second", "blurred"),
    [(0.1, 0.1, False), (0.9, 0.0, True), (0.0, 0.9, True), (math.nan, 0.0, True), (0.0, math.nan, True)],
)
def test_either_of_two_classifiers_is_enough(first, second, blurred):
    either = EnsembleClassifier([fixed(first, "one"), fixed(second, "two")])
    image, (report,) = screen(IMAGE, lambda: either)
    assert report.blurred == blurred
    assert (report.classifier, report.sha256) == ("one+two", "0" * 64 + "+" + "0" * 64)
    if math.isfinite(first + second):
        assert report.scores == pytest.approx({"one.nsfw": first, "two.nsfw": second})
        assert report.score == pytest.approx(max(first, second))
    assert torch.equal(image, IMAGE) != blurred


def test_each_of_two_classifiers_keeps_its_own_threshold():
    strict = StandIn(name="strict", rules=rules_of("nsfw", default=0.2))
    for lenient in (0.3, 0.9):
        other = StandIn(name="other", rules=rules_of("nsfw", default=lenient))
        (report,) = check(IMAGE, lambda: EnsembleClassifier([other, strict]))  # noqa: B023
        assert (report.blurred, report.level, report.threshold) == (True, "strict.nsfw", 0.2)


def test_a_failure_in_one_of_two_blurs():
    either = EnsembleClassifier([fixed(0.0, "one"), fixed(RuntimeError("out of memory"), "two")])
    assert check(IMAGE, lambda: either)[0].status == "error"


def test_an_input_picture_is_refused_with_the_reason():
    require_safe(IMAGE, StandIn, Policy(), "image 1")
    with pytest.raises(ContentRefused, match="refuses image 2: it was classified as adult") as caught:
        require_safe(IMAGE, lambda: fixed(0.9), Policy(), "image 2")
    assert (caught.value.field, caught.value.status) == ("images", 422)
    with pytest.raises(ContentRefused, match="could not be classified"):
        require_safe(IMAGE * math.nan, StandIn, Policy(), "image 1")


def test_a_missing_classifier_is_an_error_before_the_work_unless_all_shall_be_blurred():
    def load():
        raise ClassifierMissing("gone")

    with pytest.raises(ClassifierMissing):
        require_classifier(load, Policy())
    require_classifier(load, Policy(on_missing="blur_all"))


def by_brightness(weights, views):
    """A network of one weight: sigmoid(gain * (mean - 0.5)), twice."""
    return (weights["gain"] * (views.mean((1, 2, 3)) - 0.5)).sigmoid()[:, None].expand(-1, 2)


def test_a_network_scores_by_its_worst_view_and_its_weights_decide_where():
    asked = []
    weights = {"gain": torch.tensor(8.0)}
    classifier = NetworkClassifier(
        Network(8, by_brightness, {"gain": ()}),
        lambda: asked.append(1) or weights,
        "tiny",
        "0" * 64,
        ("low", "high"),
        {preset: (Rule("low", 0.5),) for preset in PRESETS},
    )
    wide = torch.zeros(2, 20, 60, 3)
    wide[1, :, 40:] = 1.0
    scores = classifier.scores(wide)
    assert scores.shape == (2, 2)
    assert asked == [1]
    expected = torch.tensor([-4.0, 4.0]).sigmoid()
    torch.testing.assert_close(scores[:, 0], expected, atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("count", "size", "chunks"),
    [
        (1, (20, 20), [1]),
        (3, (20, 60), [8, 7]),
        (8, (20, 20), [8]),
        (8, (20, 30), [8] * 3),
        (9, (20, 20), [8, 1]),
    ],
)
def test_the_views_of_a_batch_go_through_the_network_in_chunks(count, size, chunks):
    sizes = []

    def probabilities(weights, views):
        sizes.append(len(views))
        return by_brightness(weights, views)

    classifier = NetworkClassifier(
        Network(8, probabilities, {}), lambda: {"gain": torch.tensor(8.0)}, "tiny", "", ("low", "high"), {}
    )
    batch = torch.rand(count, *size, 3, generator=torch.Generator().manual_seed(4))
    scores = classifier.scores(batch)
    assert sizes == chunks
    singles = torch.cat([classifier.scores(picture) for picture in batch.split(1)])
    torch.testing.assert_close(scores, singles, atol=1e-6, rtol=0)
    assert len(scores.unique()) == count


def test_networks_of_the_same_side_look_at_the_same_views(monkeypatch):
    made = []

    def counted(image, side, tiles):
        made.append(side)
        return square_views(image, side, tiles)

    monkeypatch.setattr(network, "square_views", counted)
    names = {"one": 8, "two": 16, "three": 8}
    parts = [
        NetworkClassifier(
            Network(side, by_brightness, {}),
            lambda gain=gain: {"gain": torch.tensor(gain)},
            name, "", ("low", "high"), {},
        )
        for gain, (name, side) in enumerate(names.items(), start=1)
    ]  # fmt: skip
    batch = torch.rand(5, 20, 30, 3, generator=torch.Generator().manual_seed(4))
    together = NetworkEnsemble(parts).scores(batch)
    assert sorted(made) == [8] * 5 + [16] * 5
    assert torch.equal(together, torch.cat([part.scores(batch) for part in parts], dim=1))
    assert torch.equal(together, EnsembleClassifier(parts).scores(batch))


def test_graded_scores_are_of_a_level_or_a_higher_one():
    scores = at_least(torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log())
    assert scores[0].tolist() == pytest.approx([0.9, 0.7, 0.4])
    assert FREEPIK.classes == len(CLASSIFIERS["recommended"].levels) + 1


def test_the_first_class_of_light_is_the_unsafe_one():
    """On weights of zero but for the last layer's bias, which then gives the classes by itself."""
    weights = {key: torch.zeros(shape) for key, shape in VIT.shapes.items()}
    weights["head.bias"] = torch.tensor([0.3, 0.7]).log()
    assert float(VIT.probabilities(weights, torch.rand(1, 3, VIT.side, VIT.side))) == pytest.approx(0.3)
