"""OpenAI's official client against this server, and the format of the responses."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest
from multiedit.tests.support.api_server import KEY, ApiServer, png, wait_until
from PIL import Image

RED, BLUE, GREEN = (200, 30, 20), (10, 60, 220), (20, 200, 40)
SQUARE = (300, 300)


@pytest.fixture(scope="module")
def official(api: ApiServer) -> Iterator[openai.OpenAI]:
    with (
        httpx.Client(trust_env=False, timeout=30) as transport,
        openai.OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0, http_client=transport) as client,
    ):
        yield client


def open_image(response: Any) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(response.data[0].b64_json)))


def test_one_file(official: openai.OpenAI) -> None:
    response = official.images.edit(image=("a.png", png(RED, SQUARE)), prompt="p", size="1024x1024")
    edited = open_image(response)
    assert (edited.format, edited.size) == ("PNG", (1024, 1024))
    assert (response.size, response.output_format) == ("1024x1024", "png")
    assert response.created > 1_700_000_000


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ("300x300", "300x300"),
        ("1700x1000", "1376x774"),
        ("2048x2048", "2048x2048"),
        ("1x1", "1024x1024"),
        ("16384x1", "1568x672"),
        ("auto", "300x300"),
    ],
)
def test_a_size_of_any_ratio_gives_the_nearest_one(official: openai.OpenAI, asked: str, made: str) -> None:
    response = official.images.edit(image=("a.png", png(RED, SQUARE)), prompt="p", size=asked, model="")  # type: ignore[call-overload]
    assert response.size == made
    edited = open_image(response)
    assert f"{edited.width}x{edited.height}" == made
    notes = " ".join(json.loads(edited.text["multiedit"])["plan"]["notes"])
    assert (f"size {asked} is not one of layer-composite's: {made}" in notes) == (asked not in (made, "auto"))


def test_three_files_in_their_order(official: openai.OpenAI) -> None:
    files = [(f"{name}.png", png(name, SQUARE)) for name in (RED, BLUE, GREEN)]
    response = official.images.edit(image=files, prompt="p", model="layer-composite", output_format="webp")
    assert open_image(response).format == "WEBP"
    red, green, blue = open_image(response).convert("RGB").getpixel((150, 150))
    assert green > 150 > max(red, blue)


def test_a_mask_is_transparent_where_the_picture_may_change(official: openai.OpenAI) -> None:
    mask = Image.new("RGBA", SQUARE, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 150, 300))
    buffer = BytesIO()
    mask.save(buffer, "png")
    files = [("a.png", png(RED, SQUARE)), ("b.png", png(BLUE, SQUARE))]
    response = official.images.edit(
        image=files, mask=("m.png", buffer.getvalue()), prompt="p", size="1024x1024"
    )
    edited = open_image(response)
    assert edited.getpixel((900, 500)) == RED
    assert edited.getpixel((100, 500)) == BLUE


def test_a_mask_without_transparency_is_refused(official: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no transparency") as error:
        official.images.edit(image=("a", png(RED)), mask=("m", png(BLUE)), prompt="p")
    assert error.value.param == "mask"


def test_a_mask_whose_alpha_is_opaque_everywhere_is_refused(official: openai.OpenAI) -> None:
    mask = BytesIO()
    Image.new("RGBA", SQUARE, (0, 0, 0, 255)).save(mask, "png")
    with pytest.raises(openai.BadRequestError, match="has no transparency") as error:
        official.images.edit(image=("a", png(RED)), mask=("m", mask.getvalue()), prompt="p")
    assert error.value.param == "mask"


def test_options_without_effect_are_accepted(official: openai.OpenAI) -> None:
    response = official.images.edit(
        image=("a.png", png(RED, SQUARE)), prompt="p", n=1, quality="auto", background="auto", user="me",
        input_fidelity="high", output_format="jpeg", output_compression=50, stream=False,
        extra_body={"moderation": "low"},
    )  # fmt: skip
    assert open_image(response).format == "JPEG"


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ("gpt-image-1", {"quality": "auto", "background": "transparent", "input_fidelity": "high"}),
        ("gpt-image-1.5", {"quality": "hd", "extra_body": {"moderation": "auto"}}),
        ("gpt-image-1-mini", {"quality": "standard"}),
        ("dall-e-2", {"user": "me"}),
    ],
)
def test_a_model_that_tools_hard_code_is_the_one_that_runs_here(
    official: openai.OpenAI, asked: str, fields: dict[str, Any]
) -> None:
    raw = official.images.with_raw_response.edit(
        image=("a.png", png(RED, SQUARE)), prompt="p", model=asked, **fields
    )
    assert raw.headers["x-venice-model-id"] == "layer-composite"


def test_the_owner_says_which_model_a_hard_coded_name_is() -> None:
    with ApiServer(limits={"model_aliases": ("dall-e-2=qwen-edit",)}) as server, server.client() as client:
        fields, files = {"prompt": "p", "model": "dall-e-2"}, {"image": ("a.png", png(RED))}
        response = client.post("/images/edits", data=fields, files=files)
    assert (response.status_code, "qwen-edit" in response.text) == (503, True)


def test_n_results_count_their_seeds_up(official: openai.OpenAI) -> None:
    response = official.images.edit(image=("a.png", png(RED, SQUARE)), prompt="p", n=3)
    assert response.data is not None
    files = [Image.open(BytesIO(base64.b64decode(str(each.b64_json)))) for each in response.data]
    assert [json.loads(file.text["multiedit"])["plan"]["seed"] for file in files] == [0, 1, 2]


def test_n_results_of_a_job_are_a_pack(client: httpx.Client) -> None:
    fields, files = {"prompt": "p", "n": "2"}, {"image": ("a.png", png(RED, SQUARE))}
    response = client.post("/images/edits", data=fields, files=files, headers={"Prefer": "respond-async"})
    job = response.headers["Location"].removeprefix("/api/v1")
    wait_until(lambda: client.get(job).json()["status"] == "done")
    result = client.get(f"{job}/result")
    assert result.headers["Content-Type"] == "application/zip"
    assert zipfile.ZipFile(BytesIO(result.content)).namelist() == ["1.png", "2.png"]


def test_each_result_counts_against_the_rate_limit() -> None:
    with ApiServer(server_limits={"requests_per_minute": 2}) as server, server.client() as client:
        fields, files = {"prompt": "p", "n": "3"}, {"image": ("a.png", png(RED))}
        assert client.post("/images/edits", data=fields, files=files).status_code == 429


def test_a_mask_stands_beside_three_files(official: openai.OpenAI) -> None:
    mask = BytesIO()
    Image.new("RGBA", SQUARE, (0, 0, 0, 0)).save(mask, "png")
    files = [(f"{name}.png", png(name, SQUARE)) for name in (RED, BLUE, GREEN)]
    response = official.images.edit(image=files, mask=("m.png", mask.getvalue()), prompt="p")
    assert open_image(response).convert("RGB").getpixel((150, 150)) == GREEN


def test_images_from_nothing_are_not_made_here(official: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"edits images; it makes none .* /v1/images/edits"):
        official.images.generate(prompt="a cup", model="gpt-image-1")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"n": 11}, "n", "from 1 to 10"),
    ({"response_format": "url"}, "response_format", "b64_json"),
    ({"size": "huge"}, "size", "1024x1024"),
    ({"size": "0x1024"}, "size", "1024x1024"),
    ({"size": "1024"}, "size", "1024x1024"),
    ({"size": "-1x1024"}, "size", "1024x1024"),
    ({"size": "1024X1024"}, "size", "1024x1024"),
    ({"size": "16385x16"}, "size", "16384 px a side"),
    ({"size": "99999x99999"}, "size", "16384 px a side"),
    ({"size": ""}, "size", "1 to 11"),
    ({"background": "transparent", "output_format": "jpeg"}, "background", "png or webp"),
    ({"stream": True}, "stream", "not supported"),
    ({"model": "gpt-image-0"}, "model", "Unknown model"),
    ({"extra_body": {"strength": "1"}}, "strength", "Unknown field"),
    ({"prompt": ""}, "prompt", "1 to 32768"),
]


@pytest.mark.parametrize(("changes", "param", "expected"), REFUSED)
def test_unsupported_options_are_refused_by_name(
    official: openai.OpenAI, changes: dict[str, Any], param: str, expected: str
) -> None:
    fields: dict[str, Any] = {"image": ("a.png", png(RED)), "prompt": "p", **changes}
    with pytest.raises(openai.BadRequestError) as error:
        official.images.edit(**fields)
    assert error.value.param == param
    assert expected in error.value.message
    assert error.value.type == "invalid_request_error"


def test_a_wrong_key_is_the_clients_own_error(official: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        official.with_options(api_key="wrong").images.edit(image=("a", png()), prompt="p")


def test_a_closed_model_is_its_server_error(official: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as error:
        official.images.edit(image=("a", png(RED)), prompt="p", model="gpt-image-2-edit")
    assert (error.value.status_code, error.value.type) == (503, "server_error")


def test_the_request_id_is_known_to_the_client(official: openai.OpenAI) -> None:
    raw = official.images.with_raw_response.edit(image=("a", png(RED, SQUARE)), prompt="p")
    assert raw.request_id == raw.headers["x-request-id"]


def test_json_takes_addresses_of_pictures(client: httpx.Client) -> None:
    address = "data:image/png;base64," + base64.b64encode(png(RED, SQUARE)).decode()
    fields = {"prompt": "p", "images": [{"image_url": address}], "size": "1024x1024"}
    response = client.post("/images/edits", json=fields)
    assert response.json()["size"] == "1024x1024"
    refused = client.post("/images/edits", json={"prompt": "p", "images": [{"file_id": "x"}]})
    assert refused.json()["error"]["param"] == "image"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"image": 5}, "image"),
        ({"image": ["a"]}, "image"),
        ({"images": 5}, "image"),
        ({"images": []}, "image"),
        ({"images": [{"image_url": "***"}]}, "image"),
        ({"mask": []}, "mask"),
        ({"mask": ["a"]}, "mask"),
        ({"mask": {"image_url": 5}}, "mask"),
        ({"mask": {"image_url": "***"}}, "mask"),
    ],
)
def test_json_that_is_wrong_is_refused_by_name(
    client: httpx.Client, changes: dict[str, Any], param: str
) -> None:
    address = "data:image/png;base64," + base64.b64encode(png(RED)).decode()
    fields = {"prompt": "p", "images": [{"image_url": address}], **changes}
    response = client.post("/images/edits", json=fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
