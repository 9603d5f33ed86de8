"""The profiles against ComfyUI's newest official templates and node documents, as `make upstream` gets them.

Every difference is in the table, with its reason: one that is not there is a change upstream, or a mistake of
ours, and one that no longer exists is to be taken out. The names of the tests say which version was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.tests.support import upstream
from multiedit.tests.support.edit_graphs import CASES, PHOTOGRAPH, THREE, Case, graph
from multiedit.tests.support.recipes import Record, of_profile, of_template
from multiedit.tests.support.template_graph import Template

READ = upstream.find(upstream.TEMPLATES)
DOCUMENTED = upstream.find(upstream.DOCUMENTS)
pytestmark = pytest.mark.skipif(not (READ and DOCUMENTED), reason=upstream.MISSING)

# By profile: the template, and what its Boolean nodes are set to, which throw its switches.
KLEIN = "image_flux2_klein_image_edit_"
SOURCES: Mapping[str, tuple[str, bool | None]] = {
    "qwen-edit-2511-full": ("image_qwen_image_edit_2511", False),
    "qwen-edit-2511-*": ("image_qwen_image_edit_2511", True),
    "qwen-edit-2509-full": ("image_qwen_image_edit_2509", False),
    "qwen-edit-2509-*": ("image_qwen_image_edit_2509", True),
    "firered-*-full": ("image_firered_image_edit1_1", False),
    "firered-*": ("image_firered_image_edit1_1", True),
    "flux-2-klein-4b": (KLEIN + "4b_distilled", None),
    "flux-2-klein-base-4b": (KLEIN + "4b_base", None),
    "flux-2-klein-9b": (KLEIN + "9b_distilled", None),
    "flux-2-klein-base-9b": (KLEIN + "9b_base", None),
    "flux-2-klein-9b-kv": ("image_flux2_klein_9b_kv_image_edit", None),
    "flux-2-dev-turbo": ("image_flux2", True),
    "flux-2-dev-full": ("image_flux2", False),
    "mage-flow-edit-turbo": ("image_mage_flow_edit_turbo_int8", None),
    "mage-flow-edit": ("image_mage_flow_edit_int8", None),
    "qwen-image-2.1-turbo": ("image_qwen_image_2_1_turbo_image_edit", None),
    "qwen-image-2.1": ("image_qwen_image_2_1_image_edit", None),
    "flux-3-klein": ("image_flux3_klein_distilled_image_edit", None),
    "flux-3-klein-base": ("image_flux3_klein_image_edit", None),
    "qwen-edit-first": ("image_qwen_image_edit", False),
    "qwen-edit-first-*": ("image_qwen_image_edit", True),
    "longcat-edit": ("image_longcat_image_edit", None),
    "boogu-edit": ("image_boogu_image_0_1_edit", None),
    "flux-kontext-dev": ("flux_kontext_dev_basic", None),
    "flux-fill-dev": ("flux_fill_inpaint_example", None),
}
WITHOUT = {"qwen-rapid-aio"}  # its makers publish a model card only


class Difference(NamedTuple):
    """What the template has and what we have instead; None where there is nothing."""

    profiles: str
    theirs: Record | None
    ours: Record | None
    reason: str


EDIT_LORA = "Qwen-Image-Edit-{}-Lightning-{}steps-V1.0-bf16.safetensors"
FIRST_LORA = "Qwen-Image-Edit-Lightning-{}steps-V1.0-bf16.safetensors"
FIRERED = "FireRed-Image-Edit-1.{}-transformer.safetensors"
OWN_FILE = ("diffusion model", "one of the user's own")
SIZE = "without a mask the latent only says how large the result is, and here it has the plan's size"
EMPTY = "ComfyUI gives an empty latent the channels of the model"
MERGED = "the LoRA is in the weights, which are somebody's own file"
EIGHT = "the template has one LoRA, the makers publish one of eight steps too"
PLAIN_CHAIN = ("patches", "ModelSamplingAuraFlow", "CFGNorm")
LORA_CHAIN = ("patches", "LoraLoaderModelOnly", "ModelSamplingAuraFlow", "CFGNorm")
LORA_LAST = ("patches", "ModelSamplingAuraFlow", "CFGNorm", "LoraLoaderModelOnly")
UPSAMPLER = "a socket of Multi-Edit takes the upsampler; without it the prompt is the user's own"
BOXES = "boxes are drawn on one picture by hand, and need a node of their own before the prompt"
FOUR_STEPS, EIGHT_STEPS = (("schedule", "simple", steps) for steps in (4, 8))

DIFFERENCES = (
    Difference("qwen-edit-*", ("start", "VAEEncode"), ("start", "EmptySD3LatentImage"), SIZE),
    Difference("firered-*", ("start", "VAEEncode"), ("start", "EmptySD3LatentImage"), SIZE),
    Difference("qwen-edit-2511-lightning-*", LORA_LAST, LORA_CHAIN, "their order makes no difference"),
    Difference("qwen-edit-2511-merged-*", LORA_LAST, PLAIN_CHAIN, MERGED),
    Difference("qwen-edit-2509-merged-*", LORA_CHAIN, PLAIN_CHAIN, MERGED),
    Difference("firered-*-merged-*", LORA_CHAIN, PLAIN_CHAIN, MERGED),
    *(
        difference
        for version, file in (("2511", "fp8mixed"), ("2509", "fp8_e4m3fn"))
        for difference in (
            Difference(
                f"qwen-edit-{version}-merged-*",
                ("diffusion model", f"qwen_image_edit_{version}_{file}.safetensors"),
                OWN_FILE,
                MERGED,
            ),
            Difference(
                f"qwen-edit-{version}-merged-*", ("lora", EDIT_LORA.format(version, 4), 1.0), None, MERGED
            ),
            Difference(
                f"qwen-edit-{version}-lightning-8",
                ("lora", EDIT_LORA.format(version, 4), 1.0),
                ("lora", EDIT_LORA.format(version, 8), 1.0),
                EIGHT,
            ),
            Difference(f"qwen-edit-{version}-*-8", FOUR_STEPS, EIGHT_STEPS, EIGHT),
        )
    ),
    Difference("firered-*-merged-4", EIGHT_STEPS, FOUR_STEPS, MERGED),
    Difference(
        "firered-*-merged-?",
        ("lora", "FireRed-Image-Edit-1.0-Lightning-8steps-v1.0.safetensors", 1.0),
        None,
        MERGED,
    ),
    Difference("firered-*-merged-?", ("diffusion model", FIRERED.format(1)), OWN_FILE, MERGED),
    *(
        Difference(
            f"firered-1.0-{kind}",
            ("diffusion model", FIRERED.format(1)),
            ("diffusion model", FIRERED.format(0)),
            "the template is of 1.1, whose graph 1.0 has too",
        )
        for kind in ("full", "lightning-8")
    ),
    *(
        Difference(
            f"flux-2-klein-{size}", ("negative", "zeroed"), None, "at cfg 1 nothing reads the negative"
        )
        for size in ("4b", "9b", "9b-kv")
    ),
    Difference("mage-flow-*", ("start", "TextEncodeMageFlowEdit"), ("start", "EmptyFlux2LatentImage"), SIZE),
    Difference("qwen-image-2.1", ("start", "TextEncodeQwenImage21"), ("start", "EmptyLatentImage"), SIZE),
    Difference("qwen-image-2.1-turbo", None, ("start", "EmptyLatentImage"), SIZE),
    Difference("flux-3-*", ("start", "ReferenceMultiLatent"), ("start", "EmptyFlux2LatentImage"), SIZE),
    Difference("flux-3-*", ("reference megapixels", 1.0), None, "the images have their size already"),
    Difference("flux-3-*", ("node", "CreateBoundingBoxes"), None, BOXES),
    Difference("flux-3-*", ("node", "Flux3LayoutPrompt"), None, BOXES),
    Difference("flux-3-*", ("node", "TextGenerate"), None, UPSAMPLER),
    Difference(
        "flux-3-*",
        ("text encoder", "qwen3.5_9b_flux3_prompt_upsampler_w4a8.safetensors"),
        None,
        UPSAMPLER,
    ),
    Difference(
        "flux-3-klein-base",
        ("guidance", 1.0),
        ("guidance", 3.5),
        "the note in the template and the widget of its sibling for text say 3.5, the widget in this one 1",
    ),
    Difference(
        "qwen-edit-first*",
        None,
        ("reference megapixels", 1.0),
        "the encoder's node brings the image to a megapixel by itself",
    ),
    Difference(
        "qwen-edit-first-lightning-8",
        ("lora", FIRST_LORA.format(4), 1.0),
        ("lora", FIRST_LORA.format(8), 1.0),
        EIGHT,
    ),
    Difference("qwen-edit-first-lightning-8", FOUR_STEPS, EIGHT_STEPS, EIGHT),
    *(
        Difference(profile, ("start", "VAEEncode"), ("start", "EmptySD3LatentImage"), SIZE)
        for profile in ("longcat-edit", "flux-kontext-dev")
    ),
    Difference("boogu-edit", ("start", "EmptyLatentImage"), ("start", "EmptySD3LatentImage"), EMPTY),
    Difference(
        "boogu-edit",
        ("patches",),
        ("patches", "ModelSamplingAuraFlow"),
        "the shift is on the way to the schedule alone in both, beside the way to the sampler",
    ),
    Difference("flux-*-dev", ("negative", "zeroed"), None, "at cfg 1 nothing reads the negative"),
    Difference(
        "flux-kontext-dev",
        ("node", "ImageStitch"),
        None,
        "a second image has a latent of its own, as a note in the template advises",
    ),
)


def _source(profile: str) -> tuple[str, bool | None]:
    return next(source for pattern, source in SOURCES.items() if fnmatchcase(profile, pattern))


def _version(package: upstream.Package | None) -> str:
    return package.version if package else "none"


COMPARED = [profile for profile in load_profiles() if profile.id not in WITHOUT]


@pytest.mark.parametrize("profile", COMPARED, ids=lambda each: f"{each.id}, templates {_version(READ)}")
def test_a_graph_is_the_official_templates(profile: Any) -> None:
    name, switches = _source(profile.id)
    theirs = of_template(Template(upstream.template(name), switches))
    files = {record[1] for record in theirs if len(record) > 1}
    ours = of_profile(profile, graph(profile, Case((PHOTOGRAPH,)))["nodes"], files)
    known = [each for each in DIFFERENCES if fnmatchcase(profile.id, each.profiles)]
    where = f"{name}.json of {_version(READ)}"
    assert theirs - ours == {each.theirs for each in known if each.theirs}, where
    assert ours - theirs == {each.ours for each in known if each.ours}, where


def test_every_difference_is_of_a_profile_and_has_a_reason() -> None:
    for each in DIFFERENCES:
        assert any(fnmatchcase(profile.id, each.profiles) for profile in COMPARED), each
        assert len(each.reason) > 20


def _core_nodes() -> Mapping[str, list[tuple[str, Mapping[str, Any]]]]:
    """(profile, inputs) of each node of ComfyUI in the graphs, with a mask and without, by its class."""
    found = defaultdict(list)
    masked = {"3 images": THREE, "mask": CASES["mask"], "easy cache": CASES["easy cache"]}
    masked["upsampled"] = replace(THREE, upsampler=True)
    for profile in load_profiles():
        for case in masked.values():
            for node in graph(profile, case)["nodes"].values():
                if not node["class_type"].startswith("MultiEdit"):
                    found[node["class_type"]].append((profile.id, node["inputs"]))
    return found


CORE = _core_nodes()


@pytest.mark.parametrize("kind", CORE, ids=lambda kind: f"{kind}, documents {_version(DOCUMENTED)}")
def test_a_nodes_inputs_are_those_of_its_document(kind: str) -> None:
    """Sockets that grow by number have one row, by the part of the name before the dot."""
    documented = upstream.documented_inputs(kind)
    assert documented, f"{kind} has no document"
    for profile, inputs in CORE[kind]:
        names = {name.split(".")[0] for name in inputs}
        assert names <= set(documented), profile
        missing = {name for name, row in documented.items() if row.required} - names
        assert not missing, profile
        for name, value in inputs.items():
            options = documented[name.split(".")[0]].options
            if isinstance(value, str) and "." not in name and options:
                assert value in options, (profile, name)
