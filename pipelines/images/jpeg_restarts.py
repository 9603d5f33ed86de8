"""Count the restart intervals of a cut JPEG: they say how far it goes, whatever a decoder makes of its end.

ITU-T T.81: a scan of one component is coded in blocks of 8x8 samples of it, any other in units that hold
the blocks of all its components (A.2); DRI gives the number of them between two restart markers (B.2.4.4).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from ..common.types import Size
from .containers import SOF, SOS

_DRI = 0xDD
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def rows_begun(stream: bytes, segments: Sequence[tuple[int, int, int]], size: Size) -> int:
    """Return the rows as far down as the last restart interval of the last scan has begun.

    Args:
        segments: marker, start and end of each; a frame header and a scan are among them.
        size: (width, height) of the image; without restart markers all its rows count as begun.
    """
    width, height = size
    last = {kind: (start, end) for kind, start, end in segments}
    scan, data = last[SOS]
    intervals = [start for kind, start, _ in segments if kind == _DRI and start < scan]
    interval: int = struct.unpack_from(">H", stream, intervals[-1] + 4)[0] if intervals else 0
    if not interval:
        return height
    unit_width, unit_height = _unit(stream, next(last[kind][0] for kind in last if kind in SOF), scan)
    begun = (1 + len(_RESTART.findall(stream, data))) * interval
    return min(height, begun // -(-width // unit_width) * unit_height)


def _unit(stream: bytes, frame: int, scan: int) -> Size:
    """The pixels that one unit of a scan covers."""
    factors = {
        stream[place]: (stream[place + 1] >> 4, stream[place + 1] & 15)
        for place in range(frame + 10, frame + 10 + 3 * stream[frame + 9], 3)
    }
    if len(factors) == 1:
        return 8, 8  # its factors have no meaning (A.2.2)
    most = (max(across for across, _ in factors.values()), max(down for _, down in factors.values()))
    own = (1, 1) if stream[scan + 4] > 1 else factors[stream[scan + 5]]
    return 8 * most[0] // own[0], 8 * most[1] // own[1]
