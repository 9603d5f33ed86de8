"""No response repeats more than 80 characters of what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from multiedit.api.routes.multi_edit import request_schema
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits
from multiedit.tests.support.api_server import base64_png, png
from multiedit.tests.support.echoes import LONG, LONG_TEXTS, echoes

IMAGE = base64_png()
LEAST: dict[str, dict[str, Any]] = {
    "/image/multi-edit": {"prompt": "p", "images": [IMAGE]},
    "/image/edit": {"prompt": "p", "image": IMAGE},
    "/images/edits": {"prompt": "p", "images": [{"image_url": f"data:image/png;base64,{IMAGE}"}]},
}
OWN_FIELDS = (
    "image", "images", "mask", "model", "size", "n", "stream", "user", "background", "moderation", "quality",
    "response_format", "output_compression", "partial_images", "input_fidelity",
)  # fmt: skip
TEXTS = ("plain", "quotes", "emoji", "an address", "another scheme", "a data URL", "a path", "a file name")


def strings(value: object) -> Iterator[str]:
    """All keys and texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *strings(item))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def repeated(response: httpx.Response, sent: str) -> list[str]:
    assert 400 <= response.status_code < 500, response.text[:1000]
    return [text for text in strings(response.json()) if echoes(text, sent)]


def bodies(route: str, sent: str) -> Iterator[dict[str, Any]]:
    schema = request_schema(Limits(), load_catalog())["properties"]
    extras = schema["multiedit"]["properties"]
    for value in (sent, [sent], {sent: sent}, {"image_url": sent}, [{"image_url": sent}]):
        yield from (
            {**LEAST[route], name: value} for name in (*schema, *OWN_FIELDS, sent) if name != "prompt"
        )
        yield from (
            {**LEAST[route], "multiedit": {name: value}}
            for name in (*extras, sent)
            if name != "negative_prompt"
        )
    yield {**LEAST[route], "prompt": [sent]}
    yield {**LEAST[route], "multiedit": {"negative_prompt": [sent]}}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("route", LEAST)
def test_of_a_json_body(client: httpx.Client, route: str, kind: str) -> None:
    sent = LONG_TEXTS[kind]
    for body in bodies(route, sent):
        assert repeated(client.post(route, json=body), sent) == []


@pytest.mark.parametrize("kind", ["plain", "quotes", "emoji"])
@pytest.mark.parametrize("route", LEAST)
def test_of_a_form(client: httpx.Client, route: str, kind: str) -> None:
    sent = LONG_TEXTS[kind]
    name = json.dumps(sent[:4000])[1:-1]  # of a part: aiohttp takes a line of 8190 bytes at most
    image = ("images" if "multi" in route else "image", ("a.png", png(), "image/png"))
    for parts in (
        [(name, (None, "x"))],
        [(name, (None, "x")), (name, (None, "x"))],
        [(name, ("a.png", png(), "image/png"))],
        [("safe_mode", (None, sent))],
        [("multiedit", (None, sent))],
        [("multiedit", (None, json.dumps({sent: 1})))],
        [("n", (None, sent))],
        [("model", (None, sent))],
        [("modelId", (None, sent))],
    ):
        response = client.post(route, files=[("prompt", (None, "p")), image, *parts])
        assert repeated(response, sent) == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", f"/{LONG[:5000]}", {}),
        ("GET", f"/jobs/{LONG[:5000]}", {}),
        ("GET", f"/models?type={LONG[:5000]}", {}),
        ("POST", "/image/multi-edit", {"Content-Type": LONG[:5000]}),
        ("POST", "/image/multi-edit", {"Content-Type": f"application/json; charset={LONG[:5000]}"}),
        ("POST", "/image/multi-edit", {"Content-Type": f"multipart/form-data; boundary={LONG[:5000]}"}),
        ("POST", "/image/multi-edit", {"Content-Encoding": LONG[:5000]}),
        ("GET", "/jobs/1", {"Authorization": f"Bearer {LONG[:5000]}"}),
    ],
)
def test_of_a_path_and_of_headers(
    client: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    response = client.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)
    assert repeated(response, LONG) == []


def test_of_json_that_is_broken(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    for text in (f'{{"{LONG}": 1, "{LONG}": 2}}', f'{{"prompt": {LONG}}}', f'"{LONG}"', LONG):
        response = client.post("/image/multi-edit", content=text.encode(), headers=headers)
        assert repeated(response, LONG) == []
