from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.safety.blur import blur
from multiedit.pipelines.safety.screening import check, screen
from multiedit.pipelines.safety.video_frames import frames_to_check
from multiedit.tests.support.classifiers import StandIn


def still(count):
    """A video in which nothing moves."""
    frame = torch.rand(1, 20, 24, 3, generator=torch.Generator().manual_seed(2)) * 0.4
    return frame.expand(count, -1, -1, -1).clone()


@pytest.mark.parametrize("count", [0, 1, 15, 63, 64])
def test_a_short_video_is_checked_whole(count):
    assert frames_to_check(still(count), 24.0) == list(range(count))


@pytest.mark.parametrize("rate", [0.5, 8, 23.976, 30, 60, 1000])
@pytest.mark.parametrize("count", [65, 240, 481])
def test_a_long_one_at_both_ends_every_half_second_and_sixteen_times(count, rate):
    checked = frames_to_check(still(count), rate)
    assert checked == sorted(set(checked))
    assert (checked[0], checked[-1]) == (0, count - 1)
    assert len(checked) >= 16
    gaps = [after - before for before, after in pairwise(checked)]
    assert max(gaps) <= max(1, math.ceil(rate / 2))


def test_the_first_frame_of_every_scene_is_checked():
    video = still(300)
    video[101:103] += 0.5
    checked = frames_to_check(video, 60.0)
    assert {101, 103} <= set(checked)
    assert len(checked) < 40


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_broken_frame_is_checked_too(bad):
    video = still(200)
    video[77, 3, 3, 0] = bad
    assert 77 in frames_to_check(video, 60.0)
    reports = check(video, StandIn, frames_per_second=60.0)
    assert {report.status for report in reports} == {"error"}


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidRequest, match="positive number"):
        frames_to_check(still(100), rate)


@pytest.mark.parametrize("flagged", [0, 50, 99])
def test_one_frame_blurs_the_video(flagged):
    video = still(100)
    video[flagged, ..., 0] = 0.95
    image, reports = screen(video, StandIn, frames_per_second=8.0)
    assert len(reports) == 100
    assert len(set(map(id, reports))) == 1
    assert reports[0].score == pytest.approx(0.95)
    assert torch.equal(image[3], blur(video[3:4])[0])
    assert not (image[..., 1:] == video[..., 1:]).any()


def test_a_video_that_passes_is_not_copied():
    video = still(70)
    image, reports = screen(video, StandIn, frames_per_second=8.0)
    assert image is video
    assert {report.blurred for report in reports} == {False}


def test_an_empty_video_has_no_reports():
    assert check(still(0), StandIn, frames_per_second=8.0) == []
