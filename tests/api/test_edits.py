"""The contract's two edits over a real connection: requests and responses."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from multiedit.tests.support.api_server import QUICK, SIZE, base64_png, png
from multiedit.tests.support.pictures import PictureServer
from PIL import Image

MULTI = {key: json.dumps(value) if isinstance(value, dict) else str(value) for key, value in QUICK.items()}
RED, BLUE = (200, 30, 20), (10, 60, 220)


def open_image(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(response.content))


def files(*images: bytes, name: str = "images") -> list[tuple[str, tuple[str, bytes, str]]]:
    return [(name, (f"{number}.png", data, "image/png")) for number, data in enumerate(images)]


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
def test_json_takes_base64_and_data_urls(client: httpx.Client, prefix: str) -> None:
    images = [prefix + base64_png(colour=RED), prefix + base64_png(colour=BLUE)]
    edited = open_image(client.post("/image/multi-edit", json={**QUICK, "images": images}))
    assert edited.size == SIZE
    assert edited.getpixel((150, 120)) == BLUE


def test_json_takes_urls(client: httpx.Client) -> None:
    with PictureServer() as pictures:
        address = pictures.address("coffee.jpg").replace("127.0.0.1", "pictures.test")
        assert (
            open_image(client.post("/image/multi-edit", json={**QUICK, "images": [address]})).format == "PNG"
        )


def test_a_form_takes_repeated_files_in_their_order(client: httpx.Client) -> None:
    response = client.post("/image/multi-edit", data=MULTI, files=files(png(RED), png(BLUE)))
    assert open_image(response).getpixel((150, 120)) == BLUE


MORE = {**QUICK, "multiedit": {**QUICK["multiedit"], "roles": {"4": "overlay"}}}


def test_more_than_three_images_come_as_our_own_extra(client: httpx.Client) -> None:
    red, blue = base64_png(colour=RED), base64_png(colour=BLUE)
    fields = {**MORE, "images": [red] * 3, "multiedit": {**MORE["multiedit"], "images": [blue]}}
    edited = open_image(client.post("/image/multi-edit", json=fields))
    assert edited.getpixel((150, 120)) == BLUE
    refused = client.post("/image/multi-edit", json={**QUICK, "images": [red] * 4})
    assert (refused.status_code, "the limit is 3" in refused.text) == (400, True)


def test_a_form_takes_more_files_by_their_own_name(client: httpx.Client) -> None:
    more = files(png(BLUE), name="multiedit.images")
    data = {**MULTI, "multiedit": json.dumps(MORE["multiedit"])}
    response = client.post("/image/multi-edit", data=data, files=[*files(*[png(RED)] * 3), *more])
    assert open_image(response).getpixel((150, 120)) == BLUE


def test_the_route_of_one_image_takes_no_more(client: httpx.Client) -> None:
    fields = {"prompt": "p", "image": base64_png(), "multiedit": {"images": [base64_png()]}}
    refused = client.post("/image/edit", json=fields)
    assert (refused.status_code, "this route edits one image" in refused.text) == (400, True)


def test_the_headers_name_the_model(client: httpx.Client) -> None:
    response = client.post("/image/multi-edit", data=MULTI, files=files(png()))
    assert response.headers["Content-Type"] == "image/png"
    headers = {name: value for name, value in response.headers.items() if name.startswith("x-venice")}
    assert headers == {
        "x-venice-model-id": "layer-composite",
        "x-venice-model-name": "Layer Composite",
        "x-venice-is-blurred": "false",
        "x-venice-is-content-violation": "false",
    }
    assert int(response.headers["x-ratelimit-remaining-requests"]) > 0
    assert int(response.headers["x-ratelimit-reset-requests"]) > 1_700_000_000_000  # milliseconds
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("output_format", "media_type", "kind"),
    [("jpeg", "image/jpeg", "JPEG"), ("jpg", "image/jpeg", "JPEG"), ("webp", "image/webp", "WEBP")],
)
def test_the_content_type_is_what_the_bytes_are(
    client: httpx.Client, output_format: str, media_type: str, kind: str
) -> None:
    fields = {**QUICK, "images": [base64_png()], "output_format": output_format}
    response = client.post("/image/multi-edit", json=fields)
    assert response.headers["Content-Type"] == media_type
    assert open_image(response).format == kind


def test_the_same_request_has_the_same_bytes(client: httpx.Client) -> None:
    fields = {**QUICK, "images": [base64_png()]}
    first, second = (client.post("/image/multi-edit", json=fields).content for _ in range(2))
    assert first == second


def test_an_image_is_extended_and_keeps_its_pixels(client: httpx.Client) -> None:
    extend = {"left": 10, "bottom": "25%", "fill": "#0000ff"}
    fields = {**QUICK, "images": [base64_png()], "multiedit": {"extend": extend}, "output_format": "png"}
    edited = open_image(client.post("/image/multi-edit", json=fields))
    assert edited.size == (310, 300)
    assert edited.getpixel((9, 0)) == edited.getpixel((100, 240)) == (0, 0, 255)
    assert edited.getpixel((10, 239)) == (200, 30, 20)


def test_an_extension_that_is_too_large_is_refused(client: httpx.Client) -> None:
    fields = {**QUICK, "images": [base64_png()], "multiedit": {"extend": {"right": 16_200}}}
    response = client.post("/image/multi-edit", json=fields)
    assert response.status_code == 400
    assert "16500x240; the limit is 16384 px a side" in response.text


def test_safe_mode_is_on_by_default(client: httpx.Client) -> None:
    fields = {"prompt": "p", "images": [base64_png()], "multiedit": {"keep_size": True}}
    edited = open_image(client.post("/image/multi-edit", json=fields))
    assert json.loads(edited.info["multiedit"])["safe_mode"]["safe_mode"] is True


@pytest.mark.parametrize(("text", "judged"), [("false", False), ("0", False), ("True", True), ("1", True)])
def test_a_form_writes_booleans_as_text(client: httpx.Client, text: str, judged: bool) -> None:
    response = client.post("/image/multi-edit", data={**MULTI, "safe_mode": text}, files=files(png()))
    assert json.loads(open_image(response).info["multiedit"])["safe_mode"]["safe_mode"] is judged


@pytest.mark.parametrize("name", ["model", "modelId"])
def test_a_single_edit_takes_json(client: httpx.Client, name: str) -> None:
    fields = {**QUICK, "image": base64_png(colour=BLUE), name: "layer-composite"}
    assert open_image(client.post("/image/edit", json=fields)).getpixel((9, 9)) == BLUE


@pytest.mark.parametrize(
    "sent", [("a.png", png()), (None, base64_png()), (None, " " * 1_000_000 + base64_png())]
)
def test_a_single_edit_takes_a_form(client: httpx.Client, sent: Any) -> None:
    assert open_image(client.post("/image/edit", data=MULTI, files={"image": sent})).size == SIZE


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("/image/multi-edit", {"images": [base64_png()], "modelId": ""}),
        ("/image/edit", {"image": base64_png(), "model": ""}),
        ("/image/edit", {"image": base64_png(), "modelId": ""}),
        ("/image/edit", {"image": base64_png(), "model": "", "modelId": "layer-composite"}),
    ],
)
def test_an_empty_model_is_the_default(client: httpx.Client, route: str, fields: dict[str, Any]) -> None:
    response = client.post(route, json={**QUICK, **fields})
    assert response.headers["x-venice-model-id"] == "layer-composite"


def test_the_routes_are_below_api_and_without_it(client: httpx.Client) -> None:
    root = str(client.base_url).partition("/api")[0]
    fields = {**QUICK, "images": [base64_png()]}
    for path in ("/v1/image/multi-edit", "/api/v1/image/multi-edit"):
        assert open_image(client.post(root + path, json=fields)).size == SIZE
