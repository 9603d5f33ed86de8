"""Invalid requests: the status, the contract's error body, and the field."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from multiedit.tests.support.api_server import QUICK, base64_png, png

IMAGE = base64_png()
JSON = {"Content-Type": "application/json"}
FILE = ("a.png", png(), "image/png")


def body(**changes: Any) -> dict[str, Any]:
    return {**QUICK, "images": [IMAGE], **changes}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in body().items() if key != name}


BLACK = base64_png(colour=(0, 0, 0))
MASKED = {"roles": {"2": "mask"}}
FIELDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("model for modelId", body(model="layer-composite"), "model", "modelId"),
    ("an unknown field", body(strength=1), "strength", "Unknown field"),
    ("no prompt", without("prompt"), "prompt", "missing"),
    ("no images", without("images"), "images", "missing"),
    ("an empty prompt", body(prompt=""), "prompt", "1 to 32768"),
    ("a long prompt", body(prompt="p" * 32_769), "prompt", "32769"),
    ("half a surrogate pair", body(prompt="\ud800"), "prompt", "surrogates"),
    ("an unknown model", body(modelId="layer-compost"), "modelId", "layer-composite"),
    ("a ratio that the model has not", body(aspect_ratio="7:5", multiedit={}), "aspect_ratio", "7:5"),
    ("a tier that the model has not", body(resolution="8K"), "resolution", "8K"),
    ("a format that is not written", body(output_format="gif"), "output_format", "webp"),
    ("a quality that there is not", body(quality="best"), "quality", "high"),
    ("text for a boolean", body(safe_mode="false"), "safe_mode", "true or false"),
    ("null", body(prompt=None), "prompt", "null"),
    ("no images at all", body(images=[]), "images", "1 to 3"),
    ("four images", body(images=[IMAGE] * 4), "images", "4 images"),
    ("a number for an image", body(images=[5]), "images", "base64"),
    ("no base64", body(images=["***"]), "images", "base64"),
    ("a path", body(images=["../../etc/passwd.png"]), "images", "file name"),
    ("a file URL", body(images=["file:///etc/passwd"]), "images", "not fetched"),
    ("a URL of this machine", body(images=["http://127.0.0.1:8080/a.png"]), "images", "public"),
    ("metadata", body(images=["http://169.254.169.254/latest"]), "images", "public"),
    ("text for an image", body(images=["aGVsbG8gd29ybGQh"]), "images", "image 1"),
    ("a small image", body(images=[base64_png(size=(100, 100))]), "images", "65536"),
    ("a seed that is too large", body(multiedit={"seed": 2**64}), "multiedit.seed", "18446744073709551615"),
    ("a role of no image", body(multiedit={"roles": {"9": "mask"}}), "multiedit.roles", "9"),
    (
        "a mask of nothing",
        body(images=[IMAGE, BLACK], multiedit=MASKED),
        "multiedit.roles",
        "selects nothing",
    ),
]


@pytest.mark.parametrize(("name", "sent", "field", "expected"), FIELDS, ids=[case[0] for case in FIELDS])
def test_a_wrong_field_is_named(
    client: httpx.Client, name: str, sent: Mapping[str, Any], field: str, expected: str
) -> None:
    response = client.post("/image/multi-edit", content=json.dumps(sent), headers=JSON)
    assert response.status_code == 400
    payload = response.json()
    [issue] = payload["issues"]
    path = ".".join(str(part) for part in issue["path"])
    assert path == field or (field == "images" and path.startswith("images."))
    assert expected in issue["message"]
    details = payload["details"]
    for part in issue["path"]:
        assert details["_errors"] == []
        details = details[str(part)]
    assert details["_errors"] == [issue["message"]]


def test_positions_count_from_0_as_in_the_contract(client: httpx.Client) -> None:
    [issue] = client.post("/image/multi-edit", json=body(images=[IMAGE, 5])).json()["issues"]
    assert issue["path"] == ["images", 1]


@pytest.mark.parametrize(
    ("sent", "title"),
    [
        (body(safe_mode=1), "Invalid request parameters"),
        (body(modelId="x"), "Invalid model id"),
        (body(images=[base64_png(size=(100, 100))]), "image 1 is 100x100"),
    ],
)
def test_the_title_is_the_contracts(client: httpx.Client, sent: Mapping[str, Any], title: str) -> None:
    assert client.post("/image/multi-edit", json=sent).json()["error"].startswith(title)


@pytest.mark.parametrize("model", ["gpt-image-2-edit", "qwen-edit"])
def test_a_model_that_is_offline_asks_nobody_to_wait(client: httpx.Client, model: str) -> None:
    response = client.post("/image/multi-edit", json=body(modelId=model))
    assert response.status_code == 503
    assert set(response.json()) == {"error"}
    assert "Retry-After" not in response.headers


RAW: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("no body", b"", JSON, 415, "empty"),
    ("plain text", b"hello", {"Content-Type": "text/plain"}, 400, "'Content-Type' must be"),
    ("no type", b"{}", {}, 400, "'Content-Type' must be"),
    ("no JSON", b"{", JSON, 400, "Invalid JSON request"),
    ("a key twice", b'{"prompt": "a", "prompt": "b"}', JSON, 400, "duplicate key 'prompt'"),
    ("invalid UTF-8", b'{"prompt": "\xff\xfe"}', JSON, 400, "UTF-8"),
    ("deep JSON", b"[" * 200_000, JSON, 400, "too deep"),
    ("NaN", b'{"prompt": NaN}', JSON, 400, "NaN"),
    ("a long number", b'{"prompt": ' + b"9" * 5000 + b"}", JSON, 400, "too long"),
    ("a list", b"[]", JSON, 400, "Invalid request"),
    ("another charset", b"{}", {"Content-Type": "application/json; charset=utf-16"}, 415, "Charset 'utf-16'"),
    ("compressed", b"x", {**JSON, "Content-Encoding": "gzip"}, 415, "Content-Encoding"),
    ("no boundary", b"x", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
    (
        "another boundary",
        b"--a\r\n\r\n",
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "boundary",
    ),
    (
        "a nested form",
        b'--b\r\nContent-Disposition: form-data; name="images"\r\n'
        b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "no name",
    ),
    (
        "a truncated form",
        b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nabc',
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "truncated",
    ),
]


@pytest.mark.parametrize(
    ("name", "sent", "headers", "status", "expected"), RAW, ids=[case[0] for case in RAW]
)
def test_an_invalid_body(
    client: httpx.Client, name: str, sent: bytes, headers: dict[str, str], status: int, expected: str
) -> None:
    response = client.post("/image/multi-edit", content=sent, headers=headers)
    assert response.status_code == status
    assert expected in response.json()["error"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP", "a" * 2000])
@pytest.mark.parametrize("sent", [b"x", b"\x1f\x8b\x08 broken", gzip.compress(b"{}" * 50_000)])
def test_a_compressed_body_is_415_whatever_is_in_it(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, encoding: str, sent: bytes
) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    response = client.post("/image/multi-edit", content=sent, headers=headers)
    assert (response.status_code, "Content-Encoding" in response.json()["error"]) == (415, True)
    assert client.get("/models").status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


FORMS: list[tuple[str, list[tuple[str, Any]], str]] = [
    ("a text part where a file belongs", [("images", (None, IMAGE))], "sent as text"),
    ("eleven files", [("images", FILE)] * 11, "more than 10 files"),
    ("a file where text belongs", [("prompt", FILE)], "sent as a file"),
    ("a file of no field", [("picture", FILE)], "sent as a file"),
    ("no boolean", [("images", FILE), ("safe_mode", (None, "no"))], "true or false"),
    ("no JSON", [("images", FILE), ("multiedit", (None, "{"))], "a JSON object"),
    ("a key twice", [("images", FILE), ("multiedit", (None, '{"seed": 1, "seed": 2}'))], "duplicate key"),
    ("deep JSON", [("images", FILE), ("multiedit", (None, "[" * 200_000))], "too deep"),
    ("a field twice", [("quality", (None, "low")), ("quality", (None, "low"))], "twice"),
    ("invalid UTF-8", [("resolution", (None, b"\xff"))], "UTF-8"),
    ("a text without an end", [("resolution", (None, "1" * 300_000))], "limit"),
    ("fields without an end", [(f"f{n}", (None, "1")) for n in range(50)], "fields"),
]


@pytest.mark.parametrize(("name", "parts", "expected"), FORMS, ids=[case[0] for case in FORMS])
def test_an_invalid_form(
    client: httpx.Client, name: str, parts: list[tuple[str, Any]], expected: str
) -> None:
    response = client.post("/image/multi-edit", files=[("prompt", (None, "p")), *parts][-50:])
    assert response.status_code == 400, response.text
    assert expected in json.dumps(response.json())


@pytest.mark.parametrize(
    "name", ["../../../tmp/x.png", "/etc/passwd", "a\\b.png", "\u202egnp.exe", "a" * 5000]
)
def test_file_names_are_ignored(client: httpx.Client, name: str) -> None:
    fields = {"prompt": "p", "safe_mode": "0", "multiedit": '{"keep_size": true}'}
    response = client.post("/image/multi-edit", data=fields, files={"images": (name, png())})
    assert response.status_code == 200


def test_a_file_that_is_too_large(client: httpx.Client) -> None:
    response = client.post(
        "/image/multi-edit", data={"prompt": "p"}, files={"images": ("a", b"x" * 25_000_000)}
    )
    assert response.status_code == 413
    payload = response.json()
    assert payload["code"] == "PAYLOAD_TOO_LARGE"
    assert "25.0 MB" in payload["error"]


def test_a_json_body_that_is_too_large(client: httpx.Client) -> None:
    announced = client.post("/image/multi-edit", content=b" " * 35_000_001, headers=JSON)
    chunked = client.post("/image/multi-edit", content=(b" " * 1_000_000 for _ in range(36)), headers=JSON)
    for response in (announced, chunked):
        assert response.status_code == 413
        assert response.json()["code"] == "PAYLOAD_TOO_LARGE"


SINGLE: list[tuple[dict[str, Any], int, str]] = [
    ({"prompt": "p"}, 400, "image"),
    ({"prompt": "p", "image": IMAGE, "quality": "low"}, 400, "quality"),
    ({"prompt": "p", "image": IMAGE, "model": "nothing"}, 400, "model"),
    ({"prompt": "p", "image": 5}, 400, "image"),
    ({"prompt": "p", "image": [IMAGE, IMAGE]}, 400, "image"),
    ({"prompt": "p", "image": IMAGE, "model": "qwen-edit", "resolution": "1K"}, 400, "resolution"),
    ({"prompt": "p", "image": "http://10.0.0.1/"}, 400, "image"),
]


@pytest.mark.parametrize(("sent", "status", "field"), SINGLE)
def test_a_single_edit_names_its_own_fields(
    client: httpx.Client, sent: Mapping[str, Any], status: int, field: str
) -> None:
    response = client.post("/image/edit", json=sent)
    assert response.status_code == status
    assert response.json()["issues"][0]["path"][0] == field


TEXT_IMAGES: list[tuple[list[tuple[str, Any]], int, str]] = [
    ([("image", (None, IMAGE)), ("image", (None, IMAGE))], 400, "twice"),
    ([("image", FILE), ("image", (None, IMAGE))], 400, "twice"),
    ([("image", (None, IMAGE)), ("image", FILE)], 400, "as text and as a file"),
    ([("image", (None, b"\xff"))], 400, "UTF-8"),
    ([("image", (None, "A" * 35_000_001))], 413, "35.0 MB"),
]


@pytest.mark.parametrize(("parts", "status", "expected"), TEXT_IMAGES, ids=[each[2] for each in TEXT_IMAGES])
def test_an_image_as_text_in_a_form(
    client: httpx.Client, parts: list[tuple[str, Any]], status: int, expected: str
) -> None:
    response = client.post("/image/edit", files=[("prompt", (None, "p")), *parts])
    assert response.status_code == status
    assert expected in json.dumps(response.json())


def test_an_enormous_image_is_422_on_a_single_edit_alone(client: httpx.Client) -> None:
    enormous = base64_png(size=(8000, 4200), mode="L")
    assert client.post("/image/edit", json={"prompt": "p", "image": enormous}).status_code == 422
    assert client.post("/image/multi-edit", json=body(images=[enormous])).status_code == 400


def test_other_methods_and_paths(client: httpx.Client) -> None:
    refused = client.get("/image/multi-edit")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "POST, OPTIONS"
    assert refused.json() == {"error": "Method not allowed: GET. Use POST, OPTIONS."}
    options = client.options("/models")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert options.headers["Access-Control-Allow-Headers"] == "Authorization, *"
    head = client.head("/models?type=inpaint")
    assert head.status_code == 200
    assert int(head.headers["Content-Length"]) > 1000
    assert head.content == b""
    assert client.get("/nothing").json() == {"error": "Not found: /api/v1/nothing. See /v1/docs."}
