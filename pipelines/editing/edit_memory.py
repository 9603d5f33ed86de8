"""What an edit takes of memory at most, estimated from sizes alone, before anything is decoded.

The factors are what bench/large.py and tests/images/test_decode_memory.py measure at most, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..catalog.model import AUTO, BASE_TIER, TIER_SIDES, parse_ratio
from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.types import Size
from ..images.header import FileSize
from ..layers.extension import resolve_extension
from ..planning.plan import EditPlan
from ..planning.request import EditRequest
from ..planning.size import AREA_TOLERANCE, closest_tier

_BYTES_OF_IMAGE = 20  # a pixel: RGBA as float32 beside the decoder's own 8 bits
_BYTES_OF_JPEG = 7  # of the stored size, however small it is decoded: a progressive one's coefficients
_BYTES_OF_COVER = 16  # of the base where it covers the canvas
_BYTES_OF_CANVAS = 48  # compositing, seamless blending, safe mode's blur and encoding take 2 to 4 canvases
_BYTES_OF_RESULT = 5  # a file of at most 4, and the room that a pack grows by
_JPEG_SHARES = (8, 4, 2)  # of its sides, at which a JPEG can be decoded


def image_bytes(sizes: Sequence[Size]) -> int:
    """Bytes to decode images of these sizes."""
    return _BYTES_OF_IMAGE * sum(map(math.prod, sizes))


def results_bytes(plan: EditPlan) -> int:
    """Bytes of a pack of several results, with one that is added; 0 for a single one, only passed on."""
    count = plan.options.batch_size
    return _BYTES_OF_RESULT * plan.width * plan.height * (count + 1) if count > 1 else 0


def edit_bytes(
    request: EditRequest,
    files: Sequence[FileSize],
    limits: Limits,
    *,
    remote: bool = False,
    checked: bool = False,
) -> int:
    """Bytes of an edit in this process.

    Args:
        files: of the images, the base first.
        remote: a provider makes the result: its images and the result are in memory here, no canvas.
        checked: safe mode reads every image, at its full size.
    """
    extended = _extended(request, files[0].size, limits)
    own = extended or files[0].size
    canvas = _canvas(request, own)
    if remote:
        return image_bytes([file.size for file in files] + [own, canvas])
    area = min(math.prod(_covering(own, canvas)), limits.max_canvas_pixels)
    larger = area > math.prod(files[0].size)  # or it is among the images
    whole = checked or extended is not None
    decoded = sum(_decoded(request, files, canvas, whole))
    return decoded + _BYTES_OF_CANVAS * math.prod(canvas) + larger * _BYTES_OF_COVER * area


def _decoded(request: EditRequest, files: Sequence[FileSize], canvas: Size, whole: bool) -> Iterator[int]:
    """Bytes to decode each image, a JPEG no larger than it is needed."""
    for number, (size, kind) in enumerate(files, start=1):
        full = image_bytes([size])
        if kind != "jpeg" or whole or number in request.multiedit.placement:
            yield full
        else:
            shrinking = _shrinking(size, _covering(size, canvas))  # an overlay is contained, so smaller
            yield max(full // shrinking**2, _BYTES_OF_JPEG * math.prod(size))


def _shrinking(size: Size, needed: Size) -> int:
    """By how much a JPEG's sides are divided where no side may fall below what is needed."""
    return next((by for by in _JPEG_SHARES if min(size[0] // needed[0], size[1] // needed[1]) >= by), 1)


def _canvas(request: EditRequest, own: Size) -> Size:
    """The size of the result for a base of a size, as planning/size.py decides it for most models."""
    extras, ratio = request.multiedit, _ratio_of(request)
    if request.size == own or extras.keep_size or extras.extend:
        return own
    if request.size:
        tier, ratio = closest_tier(request.size), request.size
    elif ratio or request.resolution or extras.snap_ratio:
        tier = request.resolution or BASE_TIER
    else:
        return own
    wide, high = ratio or own
    area = TIER_SIDES.get(tier, 0) ** 2 * (1 + AREA_TOLERANCE)  # another tier is refused by the plan
    return math.ceil(math.sqrt(area * wide / high)) or 1, math.ceil(math.sqrt(area * high / wide)) or 1


def _covering(own: Size, canvas: Size) -> Size:
    by = max(canvas[0] / own[0], canvas[1] / own[1])
    return max(1, round(own[0] * by)), max(1, round(own[1] * by))


def _extended(request: EditRequest, base: Size, limits: Limits) -> Size | None:
    """The base's size with what is added to it; None where nothing is, or the plan refuses it."""
    extend = request.multiedit.extend
    if extend is None:
        return None
    try:
        return resolve_extension(extend, base, limits).size
    except InvalidRequest:
        return None


def _ratio_of(request: EditRequest) -> Size | None:
    """The two numbers of the ratio that is asked for; one that is none is refused by the plan."""
    if request.aspect_ratio in (None, AUTO):
        return None
    try:
        return parse_ratio(request.aspect_ratio)
    except ValueError:
        return None
