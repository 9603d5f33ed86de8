"""What an edit takes of memory at most, estimated from sizes alone, before anything is decoded.

The factors are what bench/large.py and tests/images/test_decode_memory.py measure at most, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..catalog.model import AUTO, BASE_TIER, TIER_SIDES, parse_ratio
from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.types import Size
from ..layers.extension import resolve_extension
from ..planning.request import EditRequest

_BYTES_OF_IMAGE = 20  # a pixel: RGBA as float32 beside the decoder's own 8 bits
_BYTES_OF_COVER = 16  # of the base where it covers the canvas
_BYTES_OF_CANVAS = 48  # compositing, seamless blending, safe mode's blur and encoding take 2 to 4 canvases


def image_bytes(sizes: Sequence[Size]) -> int:
    """Bytes to decode images of these sizes."""
    return _BYTES_OF_IMAGE * sum(map(math.prod, sizes))


def edit_bytes(request: EditRequest, sizes: Sequence[Size], limits: Limits) -> int:
    """Bytes of an edit in this process of images of these sizes, the base first."""
    own = sizes[0]
    tier = max(TIER_SIDES) if request.size else request.resolution or BASE_TIER
    canvas = max(math.prod(own), TIER_SIDES.get(tier, 0) ** 2, _extended(request, own, limits))
    ratio = own[0] / own[1]
    given = request.size or _ratio_of(request)
    mismatch = abs(math.log(ratio * given[1] / given[0])) if given else 0.0
    cover = min(canvas * math.exp(mismatch), limits.max_canvas_pixels)
    larger = cover > math.prod(own)  # or it is among the images
    return image_bytes(sizes) + round(_BYTES_OF_CANVAS * canvas + larger * _BYTES_OF_COVER * cover)


def _extended(request: EditRequest, base: Size, limits: Limits) -> int:
    """Pixels of the base with what is added to it; 0 where the plan refuses that."""
    extend = request.multiedit.extend
    if extend is None:
        return 0
    try:
        return math.prod(resolve_extension(extend, base, limits).size)
    except InvalidRequest:
        return 0


def _ratio_of(request: EditRequest) -> Size | None:
    """The two numbers of the ratio that is asked for; one that is none is refused by the plan."""
    if request.aspect_ratio in (None, AUTO):
        return None
    try:
        return parse_ratio(request.aspect_ratio)
    except ValueError:
        return None
