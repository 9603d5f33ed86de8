"""Telling texts apart, and base64 and data URLs with all that people do to them."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import FetchRefused, FileTooLarge, InvalidImage, MultiEditError
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.sources.text import decode_text, is_url

LIMITS = RequestLimits()
DATA = bytes(range(256)) + b"\xfb\xff\xfe?"  # 260 bytes: needs padding, + and /
PLAIN = base64.b64encode(DATA).decode()
URL_SAFE = base64.urlsafe_b64encode(DATA).decode()
BARE = PLAIN.rstrip("=")


@pytest.mark.parametrize(
    "text", ["http://a/", "https://a/", "HTTP://a/", "hTTps://a/", "  https://a/", "\nhttp://a", "http:a"]
)
def test_http_and_https_are_urls(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "httpx://a", "ftp://a", "data:,http://a", "aHR0cDovL2E=", "xhttp://a"])
def test_all_else_is_no_url(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        URL_SAFE,
        BARE,
        BARE + "==",
        BARE + "====",
        f"  {PLAIN}\n",
        "\r\n".join(PLAIN[at : at + 76] for at in range(0, len(PLAIN), 76)),
        " ".join(PLAIN),
        f"{BARE}\n=\t",
        f"data:image/png;base64,{PLAIN}",
        f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
        f"data:image/jpeg;charset=utf-8;base64,{BARE}",
        f"data:application/octet-stream;base64,{PLAIN}",
        f"data:text/plain;base64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        f"data:base64,{PLAIN}",
        f"data:image/webp; base64 , {URL_SAFE}",
        f"data:image/png;base64,\n{PLAIN}\n",
        "data:image/png;base64," + PLAIN.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D"),
        "data:image/png," + "".join(f"%{byte:02X}" for byte in DATA),
    ],
)
def test_every_spelling_gives_the_same_bytes(text: str) -> None:
    assert decode_text(text, LIMITS, "image 1") == DATA


def test_svg_as_text_is_left_to_the_header_probe() -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg'>\u00e9 50%</svg>"
    assert decode_text(f"data:image/svg+xml;utf8,{svg}", LIMITS, "image 1") == svg.encode()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (BARE[:-2], InvalidImage, "truncated"),
        ("A", InvalidImage, "truncated"),
        (PLAIN + PLAIN, InvalidImage, "padding"),
        ("AA=A", InvalidImage, "padding"),
        ("iVBOR#w0KGgo", InvalidImage, "'#'"),
        ("iVBOR\x00w0KGgo", InvalidImage, r"'\\x00'"),
        ("iVBOR\u00a0w0KGgo", InvalidImage, r"'\\xa0'"),
        ("\uff21\uff22\uff23\uff24", InvalidImage, "base64 does not have"),
        ("\ud800AAA", InvalidImage, "base64 does not have"),
        ("<svg></svg>", InvalidImage, "'<'"),
        ("data:image/png;base64" + PLAIN, InvalidImage, "without a comma"),
        ("data:", InvalidImage, "without a comma"),
        ("data:" + "x" * 2000 + ",AAAA", InvalidImage, "without a comma"),
        ("data:image/png;base64,AA*A", InvalidImage, r"'\*'"),
        ("data:image/png;base64,AA%ZZ", InvalidImage, "'%'"),
        ("data:image/png;base64,%E2%82%AC", InvalidImage, "base64 does not have"),
        ("photo.png", InvalidImage, r"file name \(photo.png\)"),
        ("/home/me/My Photo.JPEG", InvalidImage, "file name"),
        ("C:\\photos\\a.heic", InvalidImage, "file name"),
        ("ftp://host/a.png", FetchRefused, "scheme ftp:"),
        ("file:///etc/passwd", FetchRefused, "scheme file:"),
        ("s3://bucket/key", FetchRefused, "http or https URL, a data URL or base64"),
        ("blob:https://host/1", FetchRefused, "scheme blob:"),
        ("javascript:alert(1)", FetchRefused, "scheme javascript:"),
    ],
)
def test_all_else_is_refused_with_the_reason(text: str, error: type[MultiEditError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        decode_text(text, LIMITS, "image 2")
    assert type(caught.value) is error
    assert caught.value.message.startswith("image 2 ")


@pytest.mark.parametrize("text", ["#" + "A" * 100_000, "data:" + "A" * 100_000, "x/" * 2000 + "a.png"])
def test_a_message_never_repeats_a_long_text(text: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        decode_text(text, LIMITS, "image 1")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("size", "fits"), [(2999, True), (3000, False), (3001, False), (2998, True), (30_000, False)]
)
@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "data:image/png,"])
def test_the_limit_is_exact(size: int, fits: bool, head: str) -> None:
    data = b"\xff" * size
    text = head + ("%FF" * size if head.endswith("png,") else base64.encodebytes(data).decode())
    if fits:
        assert decode_text(text, Limits(max_file_bytes=3000), "image 1") == data
    else:
        with pytest.raises(FileTooLarge, match="must be smaller than"):
            decode_text(text, Limits(max_file_bytes=3000), "image 1")


@pytest.mark.parametrize("text", ["A" * 40_000_000, "data:image/png," + "A" * 40_000_000])
def test_a_text_over_the_limit_is_not_decoded(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FileTooLarge):
            decode_text(text, LIMITS, "image 1")
        assert tracemalloc.get_traced_memory()[1] < 45_000_000  # the data URL's body, cut off its head
    finally:
        tracemalloc.stop()


def test_percent_escapes_take_little_memory() -> None:
    text = "data:image/png," + "%00" * 200_000
    tracemalloc.start()
    try:
        assert len(decode_text(text, LIMITS, "image 1")) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 5_000_000  # unquote_to_bytes alone: 45 MB
    finally:
        tracemalloc.stop()


BASE64_LIKE = st.text(alphabet="AZaz09+/-_= \n%,;:", max_size=200)
HEADS = st.sampled_from(
    ["", "data:", "data:image/png;base64,", "data:,", "data:image/svg+xml;utf8,", "http://", "file:", "%"]
)


@given(HEADS, st.text(max_size=200) | BASE64_LIKE)
@example("data:", "\ud800,%")
def test_any_text_gives_bytes_or_an_error_of_the_tree(head: str, body: str) -> None:
    try:
        answer = decode_text(head + body, LIMITS, "image 1")
    except MultiEditError as error:
        answer = error.message.encode()
    assert isinstance(answer, bytes)


@given(st.binary(max_size=100), st.integers(0, 4))
def test_base64_survives_the_round_trip_with_any_padding(data: bytes, padding: int) -> None:
    text = base64.b64encode(data).decode().rstrip("=") + "=" * padding
    assert decode_text(text, LIMITS, "image 1") == data
