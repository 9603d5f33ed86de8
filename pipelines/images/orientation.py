"""Apply EXIF orientation to sizes and to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Turn(NamedTuple):
    transpose: bool
    flip_rows: bool
    flip_columns: bool


# EXIF 2.32, tag 0x0112: what brings the stored image upright, in this order.
_TURNS: dict[int, _Turn] = {
    1: _Turn(False, False, False),
    2: _Turn(False, False, True),
    3: _Turn(False, True, True),
    4: _Turn(False, True, False),
    5: _Turn(True, False, False),
    6: _Turn(True, False, True),
    7: _Turn(True, True, True),
    8: _Turn(True, True, False),
}


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """A stored (width, height) as it is after the orientation is applied; its own inverse."""
    return (size[1], size[0]) if _TURNS[orientation].transpose else size


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Bring stored pixels [H, W, C] upright: a contiguous copy, or the array itself for orientation 1."""
    if orientation == 1:
        return pixels
    turn = _TURNS[orientation]
    # One opaque item a pixel: a turned copy then moves whole pixels, which takes half the time.
    channels, kind = pixels.shape[2], pixels.dtype
    whole = pixels.view(f"V{channels * kind.itemsize}")[..., 0]
    turned = whole.T if turn.transpose else whole
    turned = turned[:: -1 if turn.flip_rows else 1, :: -1 if turn.flip_columns else 1]
    # A copy in any case: NumPy takes a flipped axis of one pixel for contiguous, torch does not.
    copy: NDArray[Any] = turned.copy()[..., None].view(kind)
    return copy
