from __future__ import annotations

import codecs

import pytest
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.images.sniff import sniff

KNOWN = {
    b"\xff\xd8\xff\xe0\x00\x10JFIF": "jpeg",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR": "png",
    b"RIFF\x24\x00\x00\x00WEBPVP8 ": "webp",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"II*\x00\x08\x00\x00\x00": "tiff",
    b"MM\x00*\x00\x00\x00\x08": "tiff",
    b"BM" + bytes(12) + b"\x28\x00\x00\x00": "bmp",
    b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf": "avif",
    b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif": "avif",
    b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic": "heif",
    b"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00mif1": "heif",
}


@pytest.mark.parametrize(("data", "kind"), KNOWN.items())
def test_kind_is_told_by_content(data: bytes, kind: str) -> None:
    assert sniff(data, "image 1") == kind


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512"/>'
PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'


@pytest.mark.parametrize(
    "data",
    [
        SVG.encode(),
        b"\n\t  " + SVG.encode(),
        codecs.BOM_UTF8 + SVG.encode(),
        (PROLOG + SVG).encode("utf-16"),
        (PROLOG + "<!-- <html> made by hand -->\n" + DOCTYPE + SVG).encode(),
        ("<!--" + "x" * 60_000 + "-->" + SVG).encode(),
        SVG.replace("<svg ", '<s:svg xmlns:s="http://www.w3.org/2000/svg" ').encode(),
        SVG.upper().encode(),
    ],
)
def test_svg_is_refused_by_content(data: bytes) -> None:
    with pytest.raises(InvalidImage, match=r"^image 2 is an SVG drawing; .* Export it as PNG"):
        sniff(data, "image 2")


STRANGERS = {
    "empty": (b"", r"is empty \(0 bytes\)\. Send a JPEG, PNG"),
    "text": (b"just some text, called .png", "is text, not an image"),
    "text that begins like a BMP": (b"BMW is a maker of cars", "is text, not an image"),
    "JSON": (b'{"error": "not found"}', "is text, not an image"),
    "HTML": (b"\n<!doctype html>\n<title>x</title>", r"is a web page \(HTML\)"),
    "HTML with a drawing": (b"<html><body><svg></svg>", r"is a web page \(HTML\)"),
    "BigTIFF": (b"II+\x00\x08\x00\x00\x00", "is a BigTIFF file, .* Convert it to JPEG or PNG"),
    "BMP without header": (b"BM\x36\x00\x00\x00\x00\x00", "not a readable image"),
    "SVGZ": (b"\x1f\x8b\x08\x00\x00\x00", "is a gzip file"),
    "video": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", "is a MP4 or QuickTime file"),
    "wrong magic": (b"\x89PMG\r\n\x1a\n\x00\x00", r"not a readable image \(it begins with 89 50 4d"),
    "zeros": (bytes(100), "not a readable image"),
}


@pytest.mark.parametrize(("data", "message"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_picture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidImage, match=message) as caught:
        sniff(data, "image 3")
    assert caught.value.message.startswith("image 3 ")
