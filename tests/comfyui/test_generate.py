"""Multi-Edit by tiny random weights of every family, through the real loaders in a real ComfyUI."""

from __future__ import annotations

import io
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.tests.support.comfyui import Server, Watched
from multiedit.tests.support.edit_prompts import (
    SIZE,
    Prompt,
    Weights,
    counts,
    edit,
    mask,
    node,
    picture,
    pixels,
    result,
)
from multiedit.tests.support.family_tables import tried
from multiedit.tests.support.pictures import PICTURES
from PIL import Image

LORA = "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16.safetensors"
FLUX_LORA = "Flux_2-Turbo-LoRA_comfyui.safetensors"
QWEN, KLEIN = "qwen-edit", "flux-2-klein-4b-edit"
QWEN_FILES = ("qwen_image_edit_2511_bf16", "qwen_2.5_vl_7b_fp8_scaled", "qwen_image_vae")
KLEIN_FILES = ("flux-2-klein-4b-fp8", "qwen_3_4b", "flux2-vae")
COFFEE, _, MASK = PICTURES
# Other ways of loading and guiding within a family, with a LoRA that fits it.
VARIANTS = {
    "firered-image-edit": LORA,
    "qwen-edit-uncensored": LORA,
    "flux-2-klein-4b-base-edit": FLUX_LORA,
    "flux-2-klein-9b-kv-edit": FLUX_LORA,
    "flux-2-dev-edit": FLUX_LORA,
}
STEPS = 4  # of any model: those that have 50 would take long
LOADS = {"load_diffusion_model": 1, "load_clip": 1, "load_vae": 1}


@pytest.fixture
def server(model_server: Server) -> Iterator[Server]:
    """With nothing counted and nothing asked for."""
    model_server.post("/tiny/reset")
    yield model_server
    model_server.post("/tiny/reset")


@pytest.fixture
def weights(server: Server) -> Iterator[Weights]:
    weights = Weights(server)
    yield weights
    weights.restore()


def three(server: Server) -> list[str]:
    return [picture(server, f"{number}.png", number) for number in (1, 2, 3)]


@pytest.mark.parametrize(("model", "lora"), tried("mask").items())
def test_a_model_edits_its_images_in_a_mask_with_a_lora_and_in_several_ways(
    server: Server, model: str, lora: str
) -> None:
    """Several whole edits by a tiny model, which take seconds on a processor."""
    known = load_catalog().get(model)
    images = three(server)[: known.max_images]
    loader = {"lora": lora, "strength_model": 1.0}
    asked: dict[str, Any] = {"images": images, "mask": mask(server), "loader": loader, "steps": STEPS}
    watched = server.watch(edit(model, **asked))
    (first,) = pixels(server, watched.run)
    assert first.shape == (SIZE[1], SIZE[0], 3)
    assert len(watched.events.previews) == STEPS
    assert Image.open(io.BytesIO(watched.events.previews[0])).format == "JPEG"
    assert [value for _, value, _ in watched.events.progress[-STEPS:]] == [*range(1, STEPS + 1)]
    others: dict[str, Prompt] = {
        "another seed": {"seed": 2},
        "another prompt": {"prompt": "a red scarf and the sea at night"},
        "no LoRA": {"loader": {}},
        **{f"{count} images": {"images": images[:count]} for count in range(1, len(images))},
    }
    if len(images) == 3:
        others["another order"] = {"images": [images[0], images[2], images[1]]}
    if not known.needs_mask:
        others["no mask"] = {"mask": None}
    made = {name: result(server, edit(model, **{**asked, **other})) for name, other in others.items()}
    for name, other in made.items():
        assert not np.array_equal(other, first), name
    assert np.array_equal(result(server, edit(model, **asked)), first)

    base = np.asarray(Image.open(server.base / "input" / images[0]))
    selected = np.asarray(Image.open(server.base / "input" / asked["mask"]))[..., 0] > 0
    for name in made.keys() - {"no mask"}:
        assert np.array_equal(made[name][~selected], base[~selected]), name
    assert "invalid value encountered" not in server.log  # a NaN on its way into a PNG


@pytest.mark.parametrize("model", [model for model in tried("two seeds") if model in tried("mask")])
def test_of_several_results_the_first_is_that_of_a_single_run(server: Server, model: str) -> None:
    images, chosen = three(server)[: min(2, load_catalog().get(model).max_images)], mask(server)
    single = result(server, edit(model, images, chosen, steps=STEPS))
    several = pixels(server, server.run(edit(model, images, chosen, steps=STEPS, batch_size=3)))
    assert len(several) == 3
    assert np.abs(several[0].astype(int) - single).max() <= 1  # another batch, another order of sums
    assert not np.array_equal(several[1], several[0])
    assert not np.array_equal(several[1], several[2])


@pytest.mark.parametrize("model", tried("extend"))
def test_an_extended_image_keeps_its_pixels_and_the_model_makes_the_rest(server: Server, model: str) -> None:
    """Several whole edits by a tiny model, which take seconds on a processor."""
    images = three(server)[: min(2, load_catalog().get(model).max_images)]
    base = np.asarray(Image.open(server.base / "input" / images[0]))
    asked = {"extend": "left=40,bottom=25%", "steps": STEPS}
    made = result(server, edit(model, images, **asked))
    assert made.shape == (140, 200, 3)
    assert np.array_equal(made[:112, 40:], base)
    assert made[:, :30].std() > 0
    again = result(server, edit(model, images, **asked, prompt="the sea at night"))
    assert not np.array_equal(again[:, :30], made[:, :30])
    asked = {"extend": "left=40", "steps": STEPS, "crop_and_stitch": "on"}
    masked = result(server, edit(model, images, mask(server), **asked))
    selected = np.asarray(Image.open(server.base / "input" / "mask.png"))[..., 0] > 0
    assert np.array_equal(masked[:, 40:][~selected], base[~selected])
    assert not np.array_equal(masked[:, 40:][selected], base[selected])


@pytest.mark.parametrize(("model", "lora"), VARIANTS.items())
def test_a_variant_of_a_family_reads_its_prompt_and_its_images_in_order(
    server: Server, model: str, lora: str
) -> None:
    """Several whole edits by a tiny model, which take seconds on a processor."""
    images, loader = three(server), {"lora": lora, "strength_model": 1.0}
    first, second = (
        result(server, edit(model, names, prompt=prompt, loader=loader))
        for names, prompt in ((images, "a hat"), ([images[0], images[2], images[1]], "a hat"))
    )
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, result(server, edit(model, images, prompt="the sea at night")))


@pytest.mark.parametrize(
    ("model", "images", "message"),
    [
        ("flux-1-fill-dev", 1, "FLUX.1 Fill Dev needs a mask"),
        ("longcat-image-edit", 2, "images has 2 images; the limit of longcat-image-edit is 1"),
    ],
)
def test_what_a_model_cannot_do_is_refused_before_it_is_loaded(
    server: Server, model: str, images: int, message: str
) -> None:
    server.forget()
    server.post("/tiny/reset")
    run = server.run(edit(model, three(server)[:images]))
    assert message in run.error
    assert counts(server) == {}


def kinds(watched: Watched, prompt: Prompt) -> Counter[str]:
    """How many nodes of an expansion ran, by what their names begin with; the prompt's own by their names."""
    names = (
        name if name in prompt else name.rpartition(".")[2].split("_")[0] for name in watched.events.executed
    )
    return Counter(names)


LESS = {"noise", "sampler", "latent", "sigmas", "guider", "model", "sample", "decode"}


def test_what_was_encoded_once_is_not_encoded_again(server: Server, weights: Weights) -> None:
    images = [picture(server, f"counted {number}.png", 100 + number) for number in range(3)]
    weights.renew(*QWEN_FILES)

    def ran(prompt: Prompt) -> dict[str, int]:
        server.post("/tiny/reset")
        pixels(server, server.run(prompt))
        return counts(server)

    sampled = {"sample": 4, "decode": 1}
    encoded = {"encode": 3, "vision": 3, "text": 1}
    assert ran(edit(QWEN, images)) == LOADS | encoded | sampled
    assert ran(edit(QWEN, images, prompt="a scarf")) == {"text": 1} | sampled
    assert ran(edit(QWEN, images, prompt="a scarf", seed=2)) == sampled
    # An unchanged run: ComfyUI takes the outer node from its cache, and drops what its inner nodes made.
    assert ran(edit(QWEN, images, prompt="a scarf", seed=2)) == {}
    assert ran(edit(QWEN, images, prompt="a scarf", seed=3)) == sampled
    assert ran(edit(QWEN, images, prompt="a scarf", seed=3)) == {}
    assert ran(edit(QWEN, images, prompt="a coat", seed=3)) == {"text": 1} | sampled
    # One other picture: that one alone is encoded.
    other = [*images[:2], picture(server, "counted 4.png", 104)]
    assert ran(edit(QWEN, other, prompt="a coat")) == {"encode": 1, "vision": 1, "text": 1} | sampled


def test_a_text_encoder_without_pictures_encodes_a_prompt_once_for_all_of_them(
    server: Server, weights: Weights
) -> None:
    images = [picture(server, f"counted {number}.png", 200 + number) for number in range(3)]
    weights.renew(*KLEIN_FILES)
    server.run(edit(KLEIN, images))
    assert counts(server) == LOADS | {"encode": 3, "text": 1, "sample": 4, "decode": 1}
    server.post("/tiny/reset")
    server.run(edit(KLEIN, [images[1], images[0], images[2]]))
    assert counts(server) == {"sample": 4, "decode": 1}


def test_what_was_encoded_goes_when_comfyui_frees_its_memory(server: Server, weights: Weights) -> None:
    images = [picture(server, f"counted {number}.png", 300 + number) for number in range(3)]
    weights.renew(*KLEIN_FILES)
    server.run(edit(KLEIN, images))
    server.post("/free", {"unload_models": True, "free_memory": True})
    deadline = time.monotonic() + 30
    for seed in itertools.count(2):  # ComfyUI frees it between two prompts, by and by
        server.post("/tiny/reset")
        server.run(edit(KLEIN, images, seed=seed))
        if "load_vae" in counts(server) or time.monotonic() > deadline:
            break
    assert counts(server) == LOADS | {"encode": 3, "text": 1, "sample": 4, "decode": 1}


def test_a_new_seed_runs_only_what_depends_on_it(server: Server) -> None:
    images = three(server)
    server.run(edit(KLEIN, images))
    prompt = edit(KLEIN, images, seed=5)
    again = server.watch(prompt)
    assert set(kinds(again, prompt)) <= {"edit", "result", "save"} | LESS | {"reference", "prompt"}
    assert again.events.cached >= {"model", "image 1", "image 2", "image 3"}
    assert len(again.events.executed) <= 19


def kept(server: Server, prompt: Prompt, base: list[Any], mask_file: str) -> np.ndarray:
    """The result of a masked edit, after its pixels outside the mask were held against the base's."""
    prompt["base"] = node("SaveImage", images=base, filename_prefix="base")
    run = server.run(prompt)
    (made,) = pixels(server, run)
    own = np.asarray(Image.open(io.BytesIO(server.view(run.files("base")[0]))))
    selected = np.asarray(Image.open(server.base / "input" / mask_file).convert("L")) > 0
    assert made.shape == own.shape
    assert np.array_equal(made[~selected], own[~selected])
    assert not np.array_equal(made[selected], own[selected])
    return made


def test_a_photograph_keeps_its_pixels_outside_the_mask(server: Server) -> None:
    part, whole = (
        kept(
            server,
            edit(KLEIN, [COFFEE.name], MASK.name, crop_and_stitch=switch),
            ["image 1", 0],
            MASK.name,
        )
        for switch in ("on", "off")
    )
    assert part.shape == (400, 600, 3)
    assert not np.array_equal(part, whole)


def test_the_alpha_of_a_picture_is_kept_outside_the_mask(server: Server) -> None:
    prompt = edit(KLEIN, three(server)[:1], mask(server))
    prompt["alpha"] = node("LoadImageMask", image=picture(server, "alpha.png", 9), channel="red")
    prompt["transparent"] = node("JoinImageWithAlpha", image=["image 1", 0], alpha=["alpha", 0])
    prompt["edit"]["inputs"]["image_1"] = ["transparent", 0]
    made = kept(server, prompt, ["transparent", 0], "mask.png")
    assert made.shape[2] == 4
    assert made[SIZE[1] // 2, SIZE[0] // 2, 3] == 255


def test_the_speed_options_run(server: Server) -> None:
    images = three(server)
    plain = result(server, edit(QWEN, images))
    assert not np.array_equal(result(server, edit(QWEN, images, kv_cache="on")), plain)
    assert result(server, edit(QWEN, images, easy_cache="on")).shape == plain.shape


def listed(prompt: Prompt, names: list[str]) -> Prompt:
    """The prompt with image 1 as a list of pictures, of equal sizes."""
    for number, name in enumerate(names):
        prompt[f"listed {number}"] = node("LoadImage", image=name)
    links = {f"images.image{number}": [f"listed {number}", 0] for number in range(len(names))}
    prompt["batch"] = node("BatchImagesNode", **links)
    prompt["image 1"] = node("RebatchImages", images=["batch", 0], batch_size=1)
    return prompt


def behind_a_switch(prompt: Prompt) -> Prompt:
    """The prompt with a node between the loader and Multi-Edit, which then cannot see what is loaded."""
    prompt["switch"] = node("ComfySwitchNode", switch=False, on_false=["model", 0], on_true=["model", 0])
    prompt["edit"]["inputs"]["loaded_model"] = ["switch", 0]
    return prompt


@pytest.mark.parametrize("late", [False, True], ids=["seen", "behind a switch"])
def test_a_list_of_images_gives_a_result_for_each(server: Server, late: bool) -> None:
    images, chosen = three(server), mask(server)
    single = [result(server, edit(KLEIN, [name, images[2]], chosen)) for name in images[:2]]
    prompt = listed(edit(KLEIN, [images[0], images[2]], chosen), images[:2])
    prompt["plan"] = node("PreviewAny", source=["edit", 1])
    made = pixels(server, server.run(behind_a_switch(prompt) if late else prompt))
    assert len(made) == 2
    for one, own in zip(made, single, strict=True):
        assert np.array_equal(one, own)


def test_a_batch_is_edited_frame_by_frame(server: Server) -> None:
    images, chosen = three(server), mask(server)
    single = [result(server, edit(KLEIN, [name, images[2]], chosen)) for name in images[:2]]
    prompt = listed(edit(KLEIN, [images[0], images[2]], chosen), images[:2])
    prompt["edit"]["inputs"]["image_1"] = ["batch", 0]
    made = pixels(server, server.run(prompt))
    assert len(made) == 2
    for one, own in zip(made, single, strict=True):
        assert np.array_equal(one, own)


def test_a_model_from_behind_a_switch_is_planned_once_it_is_loaded(server: Server) -> None:
    images = three(server)
    plain = edit(KLEIN, images)
    late = behind_a_switch(edit(KLEIN, images))
    watched = server.watch(late)
    (made,) = pixels(server, watched.run)
    assert any(name.endswith(".late") for name in watched.events.executed)
    assert np.array_equal(made, result(server, plain))


def test_an_overlay_is_laid_onto_the_base_before_the_model_sees_it(server: Server) -> None:
    images = three(server)
    prompt = edit(KLEIN, images)
    reference = result(server, prompt)
    prompt["edit"]["inputs"]["per_image"] = '{"2": {"role": "overlay", "scale": 0.5}}'
    watched = server.watch(prompt)
    (made,) = pixels(server, watched.run)
    assert not np.array_equal(made, reference)
    assert any(name.endswith("overlay_2") for name in watched.events.executed)
    assert not any(name.endswith("reference_3") for name in watched.events.executed)


def test_a_black_and_white_image_is_the_mask(server: Server) -> None:
    images, chosen = three(server), mask(server)
    made = result(server, edit(KLEIN, [*images[:2], chosen]))
    assert np.array_equal(made, result(server, edit(KLEIN, images[:2], chosen)))
