"""Bodies as JSON: what is read, and what is refused before it costs memory."""

from __future__ import annotations

import base64
import json
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.api.body.long_texts import LEAST, MOST_BESIDE, LongTexts, count_beside
from multiedit.api.body.strict_json import parse_json
from multiedit.pipelines.common.errors import InvalidRequest

IMAGE = base64.b64encode(random.Random(0).randbytes(3 * LEAST)).decode()
WRAPPED = "\r\n".join(IMAGE[start : start + 76] for start in range(0, len(IMAGE), 76))
LONG = [
    IMAGE,
    WRAPPED,
    "data:image/png;base64," + IMAGE,
    "https://example.com/" + "a%20b/" * LEAST,
    "\\" * LEAST + '"',
    '"[{' * LEAST,
    "x" * LEAST + "\\",
    "x" * LEAST + "\\n",
    "\u00e9" * LEAST,
    " " * (LEAST + 1),
]
TEXTS = st.one_of(
    st.sampled_from(LONG), st.text(max_size=20), st.sampled_from(['"', "\\", '\\"', "long-0-0"])
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 2, LEAST + 1]), st.booleans())
def test_what_python_writes_is_read_as_it_was(
    value: object, ascii_only: bool, indent: int | None, php: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if php:
        text = text.replace("/", "\\/")
    assert parse_json(text.encode(), "Body") == json.loads(text)
    assert count_beside(text.encode()) <= len(LongTexts(text.encode()).rest)


@pytest.mark.parametrize("escape", ["/", "\\/"])
def test_an_image_of_the_largest_size_is_read(escape: str) -> None:
    image = (IMAGE * (33_000_000 // len(IMAGE)))[:33_000_000]
    body = json.dumps({"prompt": "p", "images": [image]}).replace("/", escape).encode()
    assert parse_json(body, "Body") == {"prompt": "p", "images": [image]}


SIZE = 20_000_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt":"' + b'\\"' * (SIZE // 2) + b'"}',
        b'{"prompt":"' + b"\\u0041" * (SIZE // 6) + b'"}',
        b'{"prompt":"' + b"\\t" * (SIZE // 2) + b'"}',
        b"[" + b"[]," * (SIZE // 3) + b"[]]",
        b"[" + b'{"a":0},' * (SIZE // 8) + b"0]",
        b"[" + b"1," * (SIZE // 2) + b"1]",
        b'{"prompt":"' + "\u00e9".encode() * (SIZE // 2) + b'"}',
        b" " * SIZE + b"{}",
        b'"' * SIZE,
        b"\\" * SIZE,
        b'{"a": "' + b"\\" * SIZE + b'"}',
    ],
    ids=range(11),
)
def test_a_large_body_without_images_is_refused_for_the_price_of_reading_it(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match=rf"Body: .*the limit is {MOST_BESIDE}.*as files in a form"):
            parse_json(body, "Body")
        assert tracemalloc.get_traced_memory()[1] < 2.1 * SIZE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (b"{", "line 1, column 2"),
        (b'{"a":1,"a":2}', "duplicate key 'a'"),
        (b'{"a":NaN}', "NaN is not valid JSON"),
        (b'{"a":"\xff"}', "not valid UTF-8"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "nested too deeply"),
        (b'{"a":' + b"1" * 5000 + b"}", "a number is too long"),
        (b'{"a":"' + IMAGE.encode() + b'" 1}', "Expecting ',' delimiter.$"),
        (b'{"a":"' + IMAGE.encode(), "Unterminated string"),
        (b'{"%s":1,"%s" :2}' % (IMAGE.encode(), IMAGE.encode()), f"duplicate key '{IMAGE[:60]}'"),
        (b'{"a":"' + WRAPPED.encode() + b'"}', "Invalid control character at"),
    ],
)
def test_a_flaw_is_named(body: bytes, flaw: str) -> None:
    with pytest.raises(InvalidRequest, match=flaw):
        parse_json(body, "Body")
