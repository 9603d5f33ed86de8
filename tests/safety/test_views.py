from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from multiedit.pipelines.safety.classifiers.views import MAX_WINDOWS, square_views, square_windows


@pytest.mark.parametrize(
    ("long", "short", "expected"),
    [
        (100, 100, []),
        (120, 100, []),
        (121, 100, [(0, 100), (21, 100)]),
        (150, 100, [(0, 100), (50, 100)]),
        (1920, 1080, [(0, 1080), (840, 1080)]),
        (260, 100, [(0, 100), (80, 100), (160, 100)]),
    ],
)
def test_long_pictures_are_cut_into_squares(long, short, expected):
    assert square_windows(long, short) == expected


@pytest.mark.parametrize("long", [121, 180, 181, 233, 500, 1219, 1221, 5000, 16384])
@pytest.mark.parametrize("short", [64, 100])
def test_windows_overlap_and_leave_nothing_out(long, short):
    found = square_windows(long, short)
    assert len(found) <= MAX_WINDOWS
    assert found[0][0] == 0
    assert sum(found[-1]) == long
    for (start, length), (following, _) in pairwise(found):
        assert start + length - following >= 0.2 * length - 1
        assert length >= short


@pytest.mark.parametrize(("height", "width", "count"), [(50, 60, 1), (50, 80, 3), (80, 50, 3), (10, 300, 16)])
def test_views_are_squares_within_0_to_1(height, width, count):
    image = torch.rand(2, height, width, 3, generator=torch.Generator().manual_seed(1)).round()
    views = square_views(image, 24)
    assert views.shape == (2, count, 3, 24, 24)
    assert ((views >= 0) & (views <= 1)).all()


def test_a_picture_of_the_right_size_is_not_resampled():
    image = torch.rand(1, 24, 24, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(square_views(image, 24)[:, 0], image.permute(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("height", "width", "tiles", "count"),
    [(1000, 2000, True, 4), (1001, 2000, True, 8), (1001, 2000, False, 4), (1415, 1415, True, 5)],
)
def test_pictures_over_two_megapixels_are_tiled_where_asked(height, width, tiles, count):
    assert square_views(torch.zeros(1, height, width, 3), 8, tiles).shape[1] == count


@pytest.mark.parametrize("row", [0, 700, 1414])
@pytest.mark.parametrize("column", [0, 700, 1414])
def test_tiles_overlap_and_leave_nothing_out(row, column):
    image = torch.zeros(1, 1415, 1415, 3)
    image[0, max(row - 40, 0) : row + 40, max(column - 40, 0) : column + 40] = 1
    whole, *tiles = square_views(image, 24, tiles=True)[0].amax((1, 2, 3))
    assert max(tiles) > 1.5 * whole or max(tiles) > 0.9
    middle = (row, column) == (700, 700)
    assert sum(tile > 0.1 for tile in tiles) >= (4 if middle else 1)


@pytest.mark.parametrize("column", [0, 79])
@pytest.mark.parametrize("row", [0, 49])
def test_what_lies_in_a_corner_is_seen(row, column):
    image = torch.zeros(1, 50, 80, 3)
    image[0, row, column] = 1
    assert square_views(image, 24).amax((0, 2, 3, 4))[1:].amax() > 0.1


def test_detail_finer_than_a_view_is_averaged_and_not_skipped():
    stripes = (torch.arange(72) % 2).float().view(1, 1, 72, 1).expand(1, 72, 72, 3)
    assert (square_views(stripes, 24) - 0.5).abs().max() < 0.2
