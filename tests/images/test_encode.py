from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.errors import EditFailed, OutputError
from multiedit.pipelines.images.encode import MEDIA_TYPES, EncodeOptions, encode, to_levels
from multiedit.tests.support.metadata import read_metadata
from PIL import Image

PNG, JPEG, WEBP = EncodeOptions("png"), EncodeOptions("jpeg"), EncodeOptions("webp")
LOSSLESS = replace(WEBP, lossless=True)


@pytest.fixture
def image(photo) -> torch.Tensor:
    return torch.from_numpy(np.asarray(photo, np.float32) / 255)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def psnr(one, other) -> float:
    return 10 * np.log10(255**2 / np.mean((np.asarray(one, float) - np.asarray(other, float)) ** 2))


@pytest.mark.parametrize("options", [PNG, LOSSLESS], ids=["png", "webp"])
@pytest.mark.parametrize("alpha", [False, True])
def test_lossless_formats_keep_every_level(options, alpha, image, photo) -> None:
    if alpha:
        ramp = torch.linspace(0, 1, 320).expand(256, 320)[..., None]
        image = torch.cat([image, ramp], dim=2)
    result = encode(image, options)
    expected = (image * 255).round().to(torch.uint8)
    assert np.array_equal(np.asarray(opened(result.data)), expected)
    assert result.media_type == MEDIA_TYPES[options.format]
    assert opened(result.data).format.lower() == options.format


@pytest.mark.parametrize(("options", "decibels"), [(JPEG, 38), (replace(JPEG, quality=50), 30), (WEBP, 34)])
def test_lossy_formats_stay_close(options, decibels, image, photo) -> None:
    result = encode(image, options)
    assert psnr(opened(result.data), photo) > decibels
    assert opened(result.data).format.lower() == options.format


def test_quality_and_subsampling_are_used(image) -> None:
    sizes = [len(encode(image, replace(JPEG, quality=quality)).data) for quality in (40, 80, 95)]
    assert sizes == sorted(sizes)
    assert len(encode(image, replace(WEBP, quality=40)).data) < len(encode(image, WEBP).data)
    layers = {
        sampling: opened(encode(image, replace(JPEG, subsampling=sampling)).data).layer
        for sampling in ("4:4:4", "4:2:0")
    }
    assert layers["4:4:4"][0][1:3] == (1, 1)
    assert layers["4:2:0"][0][1:3] == (2, 2)


def test_values_are_rounded_and_clamped() -> None:
    values = (
        torch.tensor([-3.0, -0.001, 0.0, 0.49, 0.51, 1.5, 126.6, 254.49, 254.51, 255.0, 255.4, 900.0]) / 255
    )
    levels = to_levels(values.reshape(2, 2, 3))
    assert levels.ravel().tolist() == [0, 0, 0, 0, 1, 2, 127, 254, 255, 255, 255, 255]


def test_every_level_survives_a_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(16, 16, 1).expand(16, 16, 3)
    assert np.array_equal(to_levels(levels / 255), levels)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_number_fail_the_edit(bad, image) -> None:
    image[200, 100, 1] = bad
    with pytest.raises(EditFailed, match=r"NaN or infinite\. Try another seed"):
        encode(image, PNG)


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (0.0, 0.2, 1.0)])
def test_alpha_is_mixed_onto_the_background_of_a_jpeg(background) -> None:
    image = torch.tensor([0.8, 0.4, 0.0, 0.25]).expand(64, 64, 4)
    result = opened(encode(image, replace(JPEG, quality=100, background=background)).data)
    expected = [
        255 * (0.25 * value + 0.75 * under) for value, under in zip((0.8, 0.4, 0.0), background, strict=True)
    ]
    assert result.mode == "RGB"
    assert np.abs(np.asarray(result)[32, 32] - expected).max() <= 2


def test_the_picture_is_not_written_into(image) -> None:
    before = image.clone()
    for options in (PNG, JPEG, WEBP):
        encode(image, options)
    assert torch.equal(image, before)


def test_a_picture_too_large_for_its_format() -> None:
    with pytest.raises(
        OutputError, match=r"the result is 16384x2; a webp file has at most 16383 px a side\. Ask"
    ):
        encode(torch.zeros(2, 16_384, 3), WEBP)
    assert opened(encode(torch.zeros(2, 16_384, 3), PNG).data).size == (16_384, 2)


OWN = {
    "plan": {"prompt": "make it night \N{NIGHT WITH STARS}", "seed": 7},
    "safe_mode": {"blurred": False, "score": 0.1},
}
METADATA = {
    "prompt": json.dumps({"3": {"class_type": "KSampler", "inputs": {"text": "d\u00e9j\u00e0 vu"}}}),
    "workflow": json.dumps({"nodes": [], "name": "\u5199\u771f"}, ensure_ascii=False),
    "multiedit": json.dumps(OWN, ensure_ascii=False),
}


def said(data: bytes, options: EncodeOptions) -> dict[str, object]:
    return {key: json.loads(text) for key, text in read_metadata(data, options.format).items()}


@pytest.mark.parametrize("options", [PNG, JPEG, WEBP, LOSSLESS], ids=["png", "jpeg", "webp", "lossless"])
def test_metadata_comes_back(options, image) -> None:
    result = encode(image, options, METADATA)
    assert said(result.data, options) == {key: json.loads(text) for key, text in METADATA.items()}
    assert result.dropped_metadata == ()
    assert read_metadata(encode(image, options).data, options.format) == {}


def test_comfyui_finds_its_texts(image) -> None:
    png = opened(encode(image, PNG, METADATA).data)
    assert json.loads(png.text["prompt"]) == json.loads(METADATA["prompt"])
    webp = opened(encode(image, WEBP, METADATA).data).getexif()
    assert json.loads(webp[0x0110].removeprefix("prompt:")) == json.loads(METADATA["prompt"])
    assert json.loads(webp[0x010F].removeprefix("workflow:")) == json.loads(METADATA["workflow"])


def filled(characters: int) -> str:
    return json.dumps("x" * characters)


PLAN = json.dumps({"plan": "x" * 70_000, "safe_mode": {"blurred": False}})
OVERSIZED = {
    "the workflow goes first": (
        {"prompt": filled(30_000), "workflow": filled(40_000), "multiedit": json.dumps(OWN)},
        ("workflow",),
    ),
    "then the prompt": (
        {"prompt": filled(66_000), "workflow": filled(10), "multiedit": json.dumps(OWN)},
        ("prompt", "workflow"),
    ),
    "then the plan": (
        {"prompt": filled(10), "workflow": filled(10), "multiedit": PLAN},
        ("prompt", "workflow", "multiedit.plan"),
    ),
    "and a report that fills it alone": (
        {"multiedit": json.dumps({"safe_mode": "x" * 70_000})},
        ("multiedit",),
    ),
    "escapes count": ({"prompt": json.dumps("\u5199" * 12_000, ensure_ascii=False)}, ("prompt",)),
}


@pytest.mark.parametrize(("metadata", "dropped"), OVERSIZED.values(), ids=OVERSIZED)
def test_what_a_jpeg_cannot_hold_is_dropped_in_order_and_reported(metadata, dropped, image) -> None:
    result = encode(image, JPEG, metadata)
    assert result.dropped_metadata == dropped
    kept = said(result.data, JPEG)
    assert set(kept) == set(metadata) - set(dropped)
    assert opened(result.data).size == (320, 256)
    assert encode(image, WEBP, metadata).dropped_metadata == ()
    assert encode(image, PNG, metadata).dropped_metadata == ()


def test_a_jpeg_is_filled_to_the_last_byte(image) -> None:
    fits = [
        size
        for size in range(65_400, 65_540)
        if not encode(image[:8, :8], JPEG, {"prompt": filled(size)}).dropped_metadata
    ]
    assert fits == list(range(65_400, fits[-1] + 1))
    assert len(fits) > 1
    assert said(encode(image, JPEG, {"prompt": filled(fits[-1])}).data, JPEG) == {"prompt": "x" * fits[-1]}


@pytest.mark.parametrize("options", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_a_blurred_picture_carries_no_recipe(options, image) -> None:
    result = encode(image, options, METADATA, blurred=True)
    assert said(result.data, options) == {"multiedit": {"safe_mode": OWN["safe_mode"]}}
    assert result.dropped_metadata == ("prompt", "workflow", "multiedit.plan")
    for secret in (b"night", b"KSampler", b"nodes", b"seed"):
        assert secret not in result.data
    bare = encode(image, options, {"prompt": METADATA["prompt"]}, blurred=True)
    assert read_metadata(bare.data, options.format) == {}
