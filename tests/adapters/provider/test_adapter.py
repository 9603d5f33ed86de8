"""A closed model from a request to a file: what is sent, and what is made of the answer."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.adapters.provider.registry import load_provider
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import ModelUnavailable
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images import decode as decoding
from multiedit.tests.support.metadata import read_metadata
from multiedit.tests.support.provider_peer import KEY, HostedPeer, png, replying
from PIL import Image

Edit = Callable[..., Any]
CLOSED = [model for model in load_catalog() if model.weights == "closed"]
PHOTO = (Path(__file__).parents[3] / "samples" / "coffee.jpg").read_bytes()
SCHEMA = json.loads((Path(__file__).parents[2] / "api" / "contract_openapi.json").read_text())


def noise(size: tuple[int, int] = (400, 300)) -> bytes:
    """A small picture that is not small as a file."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(buffer, "png")
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def checked(body: dict[str, Any], kind: str) -> None:
    """Against the hosted API's own schema."""
    jsonschema = pytest.importorskip("jsonschema")
    content = SCHEMA["paths"]["/image/multi-edit"]["post"]["requestBody"]["content"]
    schema = {**content[kind]["schema"], "components": SCHEMA["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


@pytest.mark.parametrize("model", CLOSED, ids=lambda model: model.id)
@pytest.mark.parametrize("small", [True, False])
def test_every_closed_model_is_asked_as_the_schema_has_it(model: Any, small: bool, edit: Edit) -> None:
    picture = png((300, 240)) if small else noise()
    with HostedPeer() as peer:
        result = edit(peer, picture, modelId=model.id)
    (asked,) = peer.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/image/multi-edit")
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    kind = asked.headers["Content-Type"].partition(";")[0]
    assert kind == ("application/json" if small else "multipart/form-data")
    assert asked.fields["modelId"] == model.id
    assert asked.fields.get("aspect_ratio") in (*model.fixed_ratios, None)
    if small:
        checked(asked.fields, kind)
    else:
        checked({**asked.fields, "safe_mode": json.loads(asked.fields["safe_mode"]), "images": ["x"]}, kind)
    assert np.array_equal(pixels(asked.images[0]), pixels(picture))
    assert (result.plan.adapter, result.plan.price_usd) == (
        "provider", model.price.estimate(model.default_tier, model.default_quality, 1),
    )  # fmt: skip


def test_what_was_asked_for_is_sent_and_our_extras_are_not(edit: Edit) -> None:
    fields = {
        "modelId": "gpt-image-2-edit", "aspect_ratio": "16:9", "resolution": "2K", "quality": "low",
        "output_format": "jpeg", "safe_mode": True, "multiedit": {"seed": 5, "roles": {"2": "reference"}},
    }  # fmt: skip
    with HostedPeer() as peer:
        result = edit(peer, png((300, 240)), png((256, 256), (0, 0, 0)), **fields)
    sent = {name: value for name, value in peer.asked[0].fields.items() if name != "images"}
    assert sent == {
        "prompt": "a red hat", "modelId": "gpt-image-2-edit", "aspect_ratio": "16:9", "resolution": "2K",
        "quality": "low", "output_format": "png", "safe_mode": True,
    }  # fmt: skip
    assert len(peer.asked[0].images) == 2
    assert (result.file.media_type, result.file.safety.label) == ("image/jpeg", "sfw")
    assert result.plan.price_usd == pytest.approx(0.03 + 0.0092)


def test_pictures_are_sent_without_what_they_say_of_themselves(edit: Edit) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    exif[0x0112] = 6  # to be turned by a quarter
    buffer = io.BytesIO()
    Image.new("RGB", (300, 240), (1, 2, 3)).save(buffer, "jpeg", exif=exif)
    with HostedPeer() as peer:
        edit(peer, buffer.getvalue())
    assert peer.asked[0].sizes == [(240, 300)]
    assert b"where I live" not in peer.asked[0].images[0]


def test_a_large_photograph_is_sent_as_a_jpeg(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiedit.pipelines.adapters.provider.images.ENOUGH_BYTES", 200_000)
    with HostedPeer() as peer:
        edit(peer, PHOTO)
    sent = peer.asked[0].images[0]
    assert sent[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_answer_is_what_its_bytes_are_and_keeps_its_size(kind: str, edit: Edit) -> None:
    with HostedPeer(replying(png((1376, 768), kind=kind), Content_Type="text/plain")) as peer:
        result = edit(peer, png((300, 240)), aspect_ratio="16:9")
    assert pixels(result.file.data).shape == (768, 1376, 3)
    assert not any("was expected" in note for note in result.plan.notes)


def test_a_result_of_another_size_is_kept_and_told(edit: Edit) -> None:
    with HostedPeer(replying(png((1000, 500)))) as peer:
        result = edit(peer, png((300, 240)), modelId="flux-2-max-edit")
    assert (result.plan.width, result.plan.height) == (1000, 500)
    assert pixels(result.file.data).shape == (500, 1000, 3)
    assert any("made 1000x500 where" in note for note in result.plan.notes)


def test_keep_size_is_kept_without_distortion(edit: Edit) -> None:
    answer = Image.new("RGB", (1000, 500), (0, 200, 0))
    answer.paste((255, 0, 0), (0, 0, 100, 500))  # is cut away
    buffer = io.BytesIO()
    answer.save(buffer, "png")
    with HostedPeer(replying(buffer.getvalue())) as peer:
        result = edit(peer, png((301, 301)), multiedit={"keep_size": True})
    made = pixels(result.file.data)
    assert made.shape == (301, 301, 3)
    assert (made == (0, 200, 0)).all()


def test_outside_the_mask_every_pixel_is_the_base_s_own(edit: Edit) -> None:
    base, mask = noise(), Image.new("L", (400, 300), 0)
    mask.paste(255, (100, 100, 200, 200))
    buffer = io.BytesIO()
    mask.save(buffer, "png")
    with HostedPeer(replying(png((512, 384)))) as peer:
        fields = {"output_format": "png", "multiedit": {"keep_size": True, "roles": {"2": "mask"}}}
        result = edit(peer, base, buffer.getvalue(), **fields)
    outside = np.asarray(mask) == 0
    made = pixels(result.file.data)
    assert np.array_equal(made[outside], pixels(base)[outside])
    assert (made[~outside] == (20, 60, 200)).all()
    assert peer.asked[0].sizes == [(400, 300), (400, 300)]
    assert np.array_equal(pixels(peer.asked[0].images[1])[..., 0] > 127, ~outside)


def test_an_extended_base_is_sent_with_its_mask_and_keeps_its_pixels(edit: Edit) -> None:
    base = noise()
    with HostedPeer(replying(png((512, 320)))) as peer:
        result = edit(peer, base, output_format="png", multiedit={"extend": {"right": 80}})
    made = pixels(result.file.data)
    assert made.shape == (300, 480, 3)
    assert np.array_equal(made[:, :400], pixels(base))
    assert (made[:, 410:] == (20, 60, 200)).all()
    assert peer.asked[0].sizes == [(480, 300), (480, 300)]
    mask = pixels(peer.asked[0].images[1])[..., 0]
    assert (mask[:, :400].max(), mask[:, 410:].min()) == (0, 255)


def test_an_overlay_is_laid_onto_the_base_before_it_is_sent(edit: Edit) -> None:
    placement = {"2": {"fit": "none", "anchor": "top-left"}}
    with HostedPeer() as peer:
        edit(
            peer, png((1024, 1024), (9, 9, 9)), png((256, 256), (200, 0, 0)), png((300, 240)),
            multiedit={"placement": placement, "roles": {"3": "reference"}},
        )  # fmt: skip
    first, second = (pixels(image) for image in peer.asked[0].images)
    assert tuple(first[10, 10]) == (200, 0, 0)
    assert tuple(first[500, 500]) == (9, 9, 9)
    assert second.shape == (240, 300, 3)


def test_the_headers_go_into_the_report_and_the_balance_into_no_file(edit: Edit) -> None:
    headers = {
        "x_venice_model_id": f"nano-banana-3-edit {KEY}", "x_venice_is_blurred": "true",
        "x_venice_model_deprecation_warning": "soon", "x_venice_model_deprecation_date": "2027-01-31",
        "x_venice_deprecated_replacement": "nano-banana-3-edit", "x_venice_balance_usd": "4.230000",
    }  # fmt: skip
    with HostedPeer(replying(**headers)) as peer:
        result = edit(peer, png((300, 240)))
    notes = " ".join(result.plan.notes)
    for words in ("nano-banana-3-edit *** made it", "has blurred it", "switched off there on 2027-01-31"):
        assert words in notes
    assert result.blurred
    assert result.messages == ("The account's balance there was 4.230000 USD.",)
    kind = result.file.media_type.removeprefix("image/")
    assert "4.23" not in str(read_metadata(result.file.data, kind))


def test_without_a_provider_a_closed_model_is_refused_at_once(edit: Edit, folders: dict[str, str]) -> None:
    with HostedPeer() as peer:
        unset = dict.fromkeys(peer.environment, "")
        with pytest.raises(ModelUnavailable, match=r"closed: .* by Google.*set MULTIEDIT_PROVIDER_URL"):
            edit(peer, b"not even a picture", environment=unset)
    assert peer.asked == []


@pytest.mark.parametrize(
    ("variables", "models"),
    [
        ({}, {model.id for model in CLOSED}),
        ({"MULTIEDIT_MODEL_ALIASES": "flux-2-max-edit=flux-2-dev-edit"},
         {model.id for model in CLOSED} - {"flux-2-max-edit"}),
        ({"MULTIEDIT_PROVIDER_MODELS": "nano-banana-2-edit, qwen-edit"}, {"nano-banana-2-edit", "qwen-edit"}),
    ],
)  # fmt: skip
def test_what_goes_there_is_what_the_user_configured(
    variables: dict[str, str], models: set[str], folders: dict[str, str]
) -> None:
    environment = {
        **folders, "MULTIEDIT_PROVIDER_URL": "https://h/api/v1", "MULTIEDIT_PROVIDER_KEY": KEY, **variables,
    }  # fmt: skip
    hosting = load_provider(Limits.from_environment(environment), environment)
    assert set(hosting.models) == set(hosting.adapters(Limits())) == models
    beside = set(hosting.adapters(Limits(), beside_comfyui=True))
    assert beside == models - {"qwen-edit"}  # which a ComfyUI runs at no cost
    assert load_provider(Limits(), folders).models == ()


def test_no_pixels_are_kept_or_read_while_the_provider_works(
    edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    read = decoding.decode

    @contextlib.contextmanager
    def away() -> Iterator[None]:
        order.append("away")
        yield
        order.append("back")

    def decode(data: bytes, header: Any, name: str, *size: Any) -> Any:
        order.append(name)
        return read(data, header, name, *size)

    async def reply(request: Any) -> Any:
        order.append("made")
        return await replying(png((512, 480)))(request)

    monkeypatch.setattr(decoding, "decode", decode)
    white = png((400, 300), (255, 255, 255))
    extras = {"roles": {"2": "mask"}, "extend": {"left": 112, "top": 180}}
    with HostedPeer(reply) as peer:
        edit(peer, noise(), white, away=away, multiedit=extras)
    place = order.index("away")
    assert order[place : place + 3] == ["away", "made", "back"]
    assert {*order[:place]} == {*order[place + 3 :]} - {"the image"} == {"image 1", "image 2"}
