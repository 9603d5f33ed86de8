"""Our encoding of prompts against ComfyUI's own nodes, on its own classes with tiny random weights."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import warnings
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

SUPPORT = Path(__file__).parents[1] / "support"
PROMPTS = ["a hat", "", 'braces {} {0}, "quotes" and <|im_start|>tokens', "a" * 700]


@pytest.fixture(scope="module")
def stock(comfyui: Any) -> Any:
    """ComfyUI's own nodes that encode a prompt with pictures."""
    folder = Path(comfyui.__file__).parent / "comfy_extras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("qwen", "mage", "boogu"):
            asyncio.run(
                comfyui.load_custom_node(str(folder / f"nodes_{name}.py"), module_parent="comfy_extras")
            )
    return comfyui.NODE_CLASS_MAPPINGS


@pytest.fixture(scope="module")
def encoder(comfyui: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Makes a tiny text encoder and loads it as ComfyUI's loader does."""
    import comfy.model_detection
    import comfy.sd
    from safetensors.torch import save_file

    path = SUPPORT / "tiny_shim" / "widths.py"
    spec = importlib.util.spec_from_file_location("tiny_widths", path)
    assert spec is not None
    assert spec.loader is not None
    widths = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(widths)
    changed = [
        (comfy.model_detection, "detect_unet_config"), (comfy.sd, "detect_te_model"),
        (comfy.sd.CLIP, "__init__"), (comfy.sd.VAE, "__init__"),
    ]  # fmt: skip
    before = [getattr(owner, name) for owner, name in changed]
    widths.read_widths_from_files()

    def load(build: Callable[[str], Any], kind: str) -> Any:
        file = tmp_path_factory.mktemp("encoder") / "x.safetensors"
        save_file(build("x"), file)
        return comfy.sd.load_clip([str(file)], clip_type=getattr(comfy.sd.CLIPType, kind))

    yield load
    for (owner, name), function in zip(changed, before, strict=True):
        setattr(owner, name, function)


def loaded(profile: str, clip: Any) -> Any:
    """A loaded model whose VAE gives back the picture."""
    from multiedit.nodes.loaded_model import LoadedModel

    found = load_profiles().get(profile)
    vae = SimpleNamespace(encode=lambda image: image.movedim(-1, 1).contiguous())
    return LoadedModel(found.model, ProfileSelection(found, {}, ()), None, clip, vae)


@pytest.fixture(scope="module")
def qwen_clip(encoder: Callable[..., Any]) -> Any:
    from multiedit.tests.support import tiny_models

    return encoder(tiny_models.qwen_encoder, "QWEN_IMAGE")


@pytest.fixture(scope="module")
def mage_clip(encoder: Callable[..., Any]) -> Any:
    from multiedit.tests.support import tiny_models

    return encoder(tiny_models.qwen3_vl_encoder, "MAGE")


@pytest.fixture
def qwen(qwen_clip: Any) -> Any:
    return loaded("qwen-edit-2511-full", qwen_clip)


@pytest.fixture
def mage(mage_clip: Any) -> Any:
    return loaded("mage-flow-edit", mage_clip)


def pictures(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, height, width, 3, generator=generator) for width, height in sizes]


SIZES = [[(300, 200)], [(96, 64), (200, 301)], [(640, 480), (64, 64), (384, 384)]]


def conditioning(model: Any, prompt: str, images: list[torch.Tensor]) -> tuple[Any, list[Any]]:
    """What Multi-Edit samples with, and the references' latents taken out of it."""
    from multiedit.nodes.expanded.encoding import encode_prompt, encode_reference

    references = [encode_reference(model, image, ReferenceFit((64, 48))) for image in images]
    made = encode_prompt(model, prompt, references)
    rest = [
        [tensor, {key: value for key, value in more.items() if key != "reference_latents"}]
        for tensor, more in made
    ]
    return rest, made[0][1]["reference_latents"]


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_qwen_edit_is_conditioned_as_by_comfyui(stock: Any, qwen: Any, prompt: str, sizes: Any) -> None:
    images = pictures(*sizes)
    slots = {f"image{number}": image for number, image in enumerate(images, start=1)}
    with torch.inference_mode():
        theirs = stock["TextEncodeQwenImageEditPlus"].execute(qwen.clip, prompt, **slots)[0]
        ours, latents = conditioning(qwen, prompt, images)
        assert equal(ours, theirs)
        # Once more from what was remembered, and with only the vision features remembered.
        assert equal(conditioning(qwen, prompt, images)[0], theirs)
        again, _ = conditioning(qwen, prompt + ".", images)
        slower = stock["TextEncodeQwenImageEditPlus"].execute(qwen.clip, prompt + ".", **slots)[0]
    assert equal(again, slower)
    assert [tuple(latent.shape) for latent in latents] == [(1, 3, 48, 64)] * len(images)


@pytest.mark.parametrize(
    ("profile", "kind"), [("qwen-edit-first", "QWEN_IMAGE"), ("longcat-edit", "LONGCAT_IMAGE")]
)
def test_a_model_of_one_image_is_conditioned_as_by_comfyui(
    stock: Any, encoder: Callable[..., Any], profile: str, kind: str
) -> None:
    """Its node scales to a megapixel, which this image has, as has the reference; that takes seconds."""
    from multiedit.nodes.expanded.encoding import encode_prompt, encode_reference
    from multiedit.tests.support import tiny_models

    model = loaded(profile, encoder(tiny_models.qwen_encoder, kind))
    (image,) = pictures((1024, 1024))
    with torch.inference_mode():
        reference = encode_reference(model, image, ReferenceFit((1024, 1024)))
        for prompt in ("a 'hat'", ""):
            (theirs,) = stock["TextEncodeQwenImageEdit"].execute(model.clip, prompt, model.vae, image).result
            assert equal(encode_prompt(model, prompt, [reference]), theirs)


def test_boogu_is_conditioned_as_by_comfyui(stock: Any, encoder: Callable[..., Any]) -> None:
    from multiedit.nodes.expanded.encoding import encode_prompt, encode_reference
    from multiedit.tests.support import tiny_models

    build = partial(tiny_models.qwen3_vl_encoder, kind="Qwen3VL_8BConfig", width=tiny_models.WIDE)
    model = loaded("boogu-edit", encoder(build, "BOOGU"))
    (image,) = pictures((1024, 1024))
    with torch.inference_mode():
        theirs = stock["TextEncodeBooguEdit"].execute(model.clip, "a hat", "", model.vae, {"image_1": image})
        references = [encode_reference(model, image, ReferenceFit((1024, 1024)))]
        assert equal(encode_prompt(model, "a hat", references), theirs[0])
        assert equal(encode_prompt(model, "", references, vision=False), theirs[1])


def test_what_fill_sees_of_the_base_is_what_comfyui_shows_it(stock: Any) -> None:
    from multiedit.nodes.expanded.encoding import add_surroundings

    model = loaded("flux-fill-dev", None)
    (image,) = pictures((96, 64))
    mask = torch.zeros(1, 64, 96)
    mask[:, 10:40, 20:60] = 1.0
    mask[:, 40:44, 20:60] = 0.3
    text = [[torch.zeros(1, 1, 1), {}]]
    encode = stock["InpaintModelConditioning"]().encode
    theirs, _, latent = encode(text, text, image, model.vae, mask)
    ours = add_surroundings(model, text, image, mask, ReferenceFit((96, 64)))
    assert equal(ours, theirs)
    assert torch.equal(latent["noise_mask"], ours[0][1]["concat_mask"])
    assert text == [[text[0][0], {}]]  # what comes in stays as it is


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_mage_flow_is_conditioned_as_by_comfyui(stock: Any, mage: Any, prompt: str, sizes: Any) -> None:
    images = pictures(*sizes)
    slots = {f"image_{number}": image for number, image in enumerate(images, start=1)}
    with torch.inference_mode():
        positive, negative, _ = (
            stock["TextEncodeMageFlowEdit"].execute(mage.clip, prompt, images=slots).result
        )
        if prompt:  # ComfyUI's positive branch takes an empty prompt as it is
            assert equal(conditioning(mage, prompt, images)[0], positive)
        assert equal(conditioning(mage, "", images)[0], negative)


def test_a_pictures_features_are_computed_once(qwen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfy.text_encoders.qwen_vl import Qwen2VLVisionTransformer

    seen: list[Any] = []
    forward = Qwen2VLVisionTransformer.forward
    monkeypatch.setattr(
        Qwen2VLVisionTransformer,
        "forward",
        lambda self, *arguments, **options: seen.append(1) or forward(self, *arguments, **options),
    )
    one, two, three = pictures((64, 64), (96, 64), (64, 96))
    with torch.inference_mode():
        conditioning(qwen, "a hat", [one, two])
        assert len(seen) == 2
        conditioning(qwen, "a scarf", [one, two])
        conditioning(qwen, "a hat", [two, one])
        assert len(seen) == 2
        conditioning(qwen, "a hat", [one, three])
    assert len(seen) == 3


def test_an_encoder_that_fails_is_left_as_it_was(qwen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfy.text_encoders.qwen_vl import Qwen2VLVisionTransformer

    def fail(self: Any, *arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    images = pictures((64, 64))
    with torch.inference_mode():
        with monkeypatch.context() as broken:
            broken.setattr(Qwen2VLVisionTransformer, "forward", fail)
            with pytest.raises(KeyboardInterrupt):
                conditioning(qwen, "a hat", images)
        interrupted = conditioning(qwen, "a hat", images)[0]
        nothing = conditioning(qwen, "a hat", images)[0]
    assert equal(interrupted, nothing)
    assert_as_loaded(qwen.clip)


def assert_as_loaded(clip: Any) -> None:
    """Nothing of ours is left on a text encoder, nor on its patcher."""
    transformer = clip.cond_stage_model.qwen25_7b.transformer
    assert transformer.preprocess_embed.__func__ is type(transformer).preprocess_embed
    assert not any("preprocess_embed" in name for name in clip.patcher.object_patches)


def test_an_encoder_is_left_as_it_was(qwen: Any) -> None:
    with torch.inference_mode():
        conditioning(qwen, "a hat", pictures((64, 64)))
    assert_as_loaded(qwen.clip)


def test_what_was_encoded_goes_with_the_loaded_model(qwen_clip: Any) -> None:
    model = loaded("qwen-edit-2511-full", qwen_clip)
    with torch.inference_mode():
        conditioning(model, "a hat", pictures((64, 64)))
    encodings = weakref.ref(model.encodings)
    del model
    gc.collect()
    assert encodings() is None


def test_what_is_remembered_is_not_what_nodes_after_it_change(qwen: Any) -> None:
    from multiedit.nodes.expanded.encoding import encode_prompt, encode_reference

    references = [encode_reference(qwen, image, ReferenceFit((64, 48))) for image in pictures((64, 64))]
    with torch.inference_mode():
        first = encode_prompt(qwen, "a hat", references)
        first[0][1]["reference_latents"].append("more")
        first[0][1]["guidance"] = 4.0
        second = encode_prompt(qwen, "a hat", references)
    assert len(second[0][1]["reference_latents"]) == 1
    assert "guidance" not in second[0][1]
