"""What an edit is thought to take of memory, by sizes alone, and what is decoded for it."""

from __future__ import annotations

import io

import pytest
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.editing.edit_memory import edit_bytes, image_bytes
from multiedit.pipelines.images import decode as decoding
from multiedit.pipelines.images.header import FileSize, read_size
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.planning.request import parse_request
from PIL import Image

LIMITS = RequestLimits()
MEGAPIXEL = 1024 * 1024
LARGEST = (7680, 4320)


def need(sizes: list[tuple[int, int]], kind: str = "png", remote: bool = False, **fields: object) -> float:
    """Bytes of an edit of images of these sizes."""
    request = parse_request({"prompt": "p", "images": ["x"] * len(sizes), **fields}, LIMITS)
    return edit_bytes(request, [FileSize(size, kind) for size in sizes], LIMITS, remote=remote)


@pytest.mark.parametrize(
    ("sizes", "fields", "megabytes"),
    [
        ([(1024, 1024)], {}, 68),
        ([(1024, 1024)] * 3, {}, 108),
        ([(1024, 1024)], {"resolution": "4K"}, 20 + (48 + 16) * 16 * 1.05),
        ([(2048, 2048)], {"resolution": "4K", "multiedit": {"keep_size": True}}, 68 * 4),
        ([(2048, 2048)], {"resolution": "1K"}, 20 * 4 + 48 * 1.05),
        ([(2048, 2048)], {"resolution": "1K", "kind": "jpeg"}, 20 * 4 + 48 * 1.05),  # one half is too small
        ([(4096, 4096)], {"resolution": "1K", "kind": "jpeg"}, 7 * 16 + 48 * 1.05),
        ([(2048, 2048)], {"resolution": "1K", "remote": True}, 20 * (4 + 4 + 1.05)),
        ([(1024, 1024)], {"aspect_ratio": "16:9"}, 20 + 48 * 1.05 + 16 * 1.05 * 16 / 9),
        ([(1024, 1024)], {"aspect_ratio": "nonsense"}, 68),
        ([(1024, 1024)], {"multiedit": {"extend": {"left": 1024}}}, 20 + 48 * 2 + 16 * 2),
    ],
)
def test_the_estimate_grows_with_images_and_canvas(
    sizes: list[tuple[int, int]], fields: dict[str, object], megabytes: float
) -> None:
    assert need(sizes, **fields) == pytest.approx(megabytes * MEGAPIXEL, rel=0.01)  # type: ignore[arg-type]


def test_the_largest_requests_fit_the_machines_that_should_take_them() -> None:
    assert need([LARGEST] * 3) < 4e9  # half of 8 GB
    assert need([LARGEST]) < 2.5e9  # alone on 4 GB
    assert need([(4000, 3000)] * 3, "jpeg", resolution="1K") < 0.5e9
    assert image_bytes([LARGEST] * 3) < 2e9


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_image_is_estimated_upright(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (320, 256)).save(buffer, kind, exif=exif)
    assert read_size(buffer.getvalue(), LIMITS) == ((256, 320), kind.lower())


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
