"""What an edit is thought to take of memory, by sizes alone, and what is decoded for it."""

from __future__ import annotations

import io

import pytest
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.editing.edit_memory import edit_bytes, image_bytes
from multiedit.pipelines.images import decode as decoding
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.planning.request import parse_request
from PIL import Image

LIMITS = RequestLimits()
MEGAPIXEL = 1024 * 1024
LARGEST = (7680, 4320)


def need(sizes: list[tuple[int, int]], **fields: object) -> float:
    """Bytes of an edit of images of these sizes."""
    request = parse_request({"prompt": "p", "images": ["x"] * len(sizes), **fields}, LIMITS)
    return edit_bytes(request, sizes, LIMITS)


@pytest.mark.parametrize(
    ("sizes", "fields", "megabytes"),
    [
        ([(1024, 1024)], {}, 68),
        ([(1024, 1024)] * 3, {}, 108),
        ([(1024, 1024)], {"resolution": "4K"}, 20 + 48 * 16),
        ([(1024, 1024)], {"aspect_ratio": "16:9"}, 68 + 16 * 16 / 9),
        ([(1024, 1024)], {"aspect_ratio": "nonsense"}, 68),
        ([(1024, 1024)], {"multiedit": {"extend": {"left": 1024}}}, 20 + 48 * 2 + 16 * 2),
    ],
)
def test_the_estimate_grows_with_images_and_canvas(
    sizes: list[tuple[int, int]], fields: dict[str, object], megabytes: float
) -> None:
    covered = 16 * 16 if fields.get("resolution") else 0  # the base at the canvas' size
    assert need(sizes, **fields) == pytest.approx((megabytes + covered) * MEGAPIXEL, rel=0.01)


def test_the_largest_request_fits_a_machine_of_8_gb() -> None:
    assert need([LARGEST] * 3) < 4e9
    assert image_bytes([LARGEST] * 3) < 2e9


def test_an_image_is_decoded_once_for_the_plan_and_the_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 256)).save(buffer, "PNG")
    decoded: list[str] = []
    decode = decoding.decode

    def counted(data, header, name, at_least=None):  # type: ignore[no-untyped-def]
        decoded.append(name)
        return decode(data, header, name, at_least)

    monkeypatch.setattr(decoding, "decode", counted)
    image = ImageFile(buffer.getvalue(), LIMITS, "image 2")
    image.facts(detect_mask=True)
    image.image((64, 64))
    assert decoded == ["image 2"]
