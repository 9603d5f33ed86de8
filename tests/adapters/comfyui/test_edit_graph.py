"""The graph that an edit expands into, against graphs that were reviewed by hand.

golden/<profile>.json has them. `MULTIEDIT_UPDATE_GOLDEN=1 pytest` with this file
writes them anew; what changed is then to be reviewed against the official template of the model.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.edit_graph import add_report, edit_graph
from multiedit.pipelines.adapters.comfyui.families import FAMILIES
from multiedit.pipelines.adapters.comfyui.families.mage_flow import fit_to_result
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions
from multiedit.pipelines.adapters.comfyui.graph_builder import GraphSources
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.mask_options import MaskOptions
from multiedit.tests.support.edit_graphs import (
    CASES,
    LINK,
    PHOTOGRAPH,
    THREE,
    Case,
    generation,
    golden,
    graph,
)

GOLDEN = Path(__file__).with_name("golden")
PROFILES = list(load_profiles())
FIRST = {profile.family: profile for profile in reversed(PROFILES)}.values()
by_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.id)
by_family = pytest.mark.parametrize("profile", FIRST, ids=lambda profile: profile.family)


def written(graphs: object) -> str:
    return json.dumps(graphs, indent=1) + "\n"


@by_profile
def test_the_graph_is_the_one_that_was_reviewed(profile: Profile) -> None:
    path = GOLDEN / f"{profile.id}.json"
    graphs = written({name: graph(profile, case) for name, case in golden(profile).items()})
    if os.environ.get("MULTIEDIT_UPDATE_GOLDEN"):
        path.write_text(graphs)
    assert path.read_text() == graphs


def test_every_golden_file_is_of_a_profile() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {profile.id for profile in PROFILES}


def links(value: object) -> Iterator[list[Any]]:
    """Every link in the inputs of a node."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from links(part)


def check_links(nodes: Mapping[str, Any], known: set[str]) -> None:
    """A node links to what is in the graph before it, or to what the graph is made of."""
    for name, node in nodes.items():
        assert name not in known
        assert {source for source, _ in links(node["inputs"])} <= known, name
        known.add(name)


@by_profile
@pytest.mark.parametrize("case", [THREE, *CASES.values()], ids=["3 images", *CASES])
def test_links_lead_to_nodes_of_the_graph(profile: Profile, case: Case) -> None:
    made = graph(profile, case)
    given = {LINK[0], "mask", *(f"image {number}" for number in range(1, len(case.sizes) + 1))}
    check_links(made["nodes"], given)
    assert made["image"][0] in made["nodes"]


@by_family
def test_every_node_serves_the_result(profile: Profile) -> None:
    made = graph(profile, Case(THREE.sizes, (100, 700, 200, 1000), GenerationOptions(), {"keep_size": True}))

    def reached(nodes: Mapping[str, Any], wanted: list[Any]) -> set[str]:
        found: set[str] = set()
        while wanted:
            name = wanted.pop()[0]
            if name in nodes and name not in found:
                found.add(name)
                wanted += links(nodes[name]["inputs"])
        return found

    assert reached(made["nodes"], [made["image"]]) == set(made["nodes"])


def classes(nodes: Mapping[str, Any]) -> list[str]:
    return [node["class_type"] for node in nodes.values()]


@by_profile
def test_a_branch_that_guidance_does_not_use_is_not_built(profile: Profile) -> None:
    made = classes(graph(profile, THREE)["nodes"])
    assert ("CFGGuider" if profile.guided else "BasicGuider") in made
    assert made.count("MultiEditPrompt") in (0, 1 + profile.guided)


@by_profile
def test_every_size_is_sampled_on_the_grid(profile: Profile) -> None:
    model = load_catalog().get(profile.model)
    for ratio, tier in itertools.product(model.fixed_ratios, model.tiers or (None,)):
        decided = generation(profile, Case(THREE.sizes, settings={"aspect_ratio": ratio, "resolution": tier}))
        assert not any(side % profile.grid for side in decided.work), (ratio, tier)
        shown = [fit.size for fit in decided.references]
        assert not any(side % profile.cell for size in shown for side in size), (ratio, tier)
        assert math.prod(decided.work) <= 1.05 * profile.max_pixels
        wanted = decided.size[0] / decided.size[1]
        assert decided.work[0] / decided.work[1] == pytest.approx(wanted, rel=0.03), (ratio, tier)


@by_profile
@pytest.mark.parametrize("pixels", [128 * 128, 300_000, None])
@pytest.mark.parametrize("size", [PHOTOGRAPH, (5000, 1000), (301, 999), (16, 16)])
def test_references_keep_their_shape_at_their_budget(
    profile: Profile, size: tuple[int, int], pixels: int | None
) -> None:
    options = GenerationOptions(reference_pixels=pixels, sampling_pixels=pixels)
    decided = generation(profile, Case((PHOTOGRAPH, size), options=options))
    assert decided.base_fit == ReferenceFit(decided.work, decided.size)
    budget = pixels or profile.reference_pixels
    for fit, own in zip(decided.references[1:], [size][: profile.max_images - 1], strict=True):
        assert not any(side % profile.cell for side in fit.size)
        if FAMILIES[profile.family].fit_references is fit_to_result:
            assert fit == ReferenceFit(decided.work)
        else:
            # Each side is within half a cell, or one cell where the picture is narrower.
            scale = math.sqrt(budget / math.prod(own))
            assert all(
                abs(made - scale * side) <= profile.cell / 2 or made == profile.cell
                for made, side in zip(fit.size, own, strict=True)
            )


MASKED = Case((PHOTOGRAPH, PHOTOGRAPH), bounds=(100, 700, 200, 1000), frames=2)


def with_options(profile: Profile, options: MaskOptions) -> dict[str, Any]:
    case = replace(MASKED, settings={"keep_size": True, "mask_options": options})
    return graph(profile, case)["nodes"]


@pytest.mark.parametrize(
    "profile",
    [profile for profile in FIRST if profile.family != "flux-fill"],
    ids=lambda profile: profile.family,
)
def test_the_mask_is_grown_once_for_all_and_only_references_are_filled(profile: Profile) -> None:
    nodes = with_options(profile, MaskOptions(grow=9, fill="blur"))
    for frame in ("edit.frame_1.", "edit.frame_2."):
        grown, filled = [f"{frame}grown_mask", 0], [f"{frame}fill", 0]
        own = {name: node["inputs"] for name, node in nodes.items() if name.startswith(frame)}
        assert [name for name, inputs in own.items() if inputs.get("mask") == ["mask", 0]] == [grown[0]]
        shown = [inputs for inputs in own.values() if inputs.get("image") == filled]
        assert shown
        assert own[f"{frame}latent"]["image"] == own[f"{frame}finish"]["base"] == ["image 1", 0]
        assert own[f"{frame}fill"]["mask"] == own[f"{frame}latent"]["mask"] == grown


def test_a_model_that_sees_nothing_inside_the_mask_has_nothing_filled() -> None:
    profile = load_profiles().get("flux-fill-dev")
    nodes = with_options(profile, MaskOptions(grow=9, fill="blur"))
    assert not any(node["class_type"] == "MultiEditFill" for node in nodes.values())
    grown = ["edit.frame_1.grown_mask", 0]
    masked = ("latent", "prompt_inpaint", "finish")
    assert [nodes[f"edit.frame_1.{name}"]["inputs"]["mask"] for name in masked] == [grown] * 3
    case = replace(MASKED, settings={"keep_size": True, "mask_options": MaskOptions(fill="blur")})
    assert any(note.startswith("mask_fill is not used") for note in generation(profile, case).notes)


@by_family
def test_the_edge_of_the_result_is_as_asked(profile: Profile) -> None:
    options = MaskOptions(feather=0, pull_in=3, color_match=False, align=False)
    asked = {"feather": 0, "pull_in": 3, "color_match": False, "align": False}
    finish = with_options(profile, options)["edit.frame_2.finish"]["inputs"]
    assert asked.items() <= finish.items()
    assert not asked.keys() & with_options(profile, MaskOptions())["edit.frame_2.finish"]["inputs"].keys()


@pytest.mark.parametrize(
    ("options", "measured"),
    [
        (MaskOptions(), 2),
        (MaskOptions(align=False), 2),
        (MaskOptions(align=False, color_match=False), 0),
    ],
)
def test_the_report_of_every_frame_is_added(options: MaskOptions, measured: int) -> None:
    case = replace(MASKED, settings={"keep_size": True, "mask_options": options})
    sources = GraphSources(LINK, (["image 1", 0], ["image 2", 0]), ["mask", 0])
    made = edit_graph(generation(PROFILES[0], case), sources, 2, "edit.")
    plan, summary = add_report(made, "{}", "title")
    reports = [
        node["inputs"] for node in made.graph.nodes.values() if node["class_type"] == "MultiEditReport"
    ]
    assert [report["frame"] for report in reports] == [1, 2][:measured]
    if measured:
        assert (plan, summary) == (["edit.report_2", 0], ["edit.report_2", 1])
        assert reports[1]["plan"] == ["edit.report_1", 0]
    else:
        assert (plan, summary) == ("{}", "title")


@pytest.mark.parametrize(
    ("placed", "laid"),
    [
        ({2: {}, 3: {}}, [2, 3]),
        ({2: {"z": 1}, 3: {}}, [3, 2]),
        ({2: {"z": -2}, 3: {"z": -1}}, [3, 2]),  # under the base, the lower one last
        ({2: {"z": -1}, 3: {"visible": False}}, [2]),
    ],
)
def test_overlays_are_laid_on_by_their_z(placed: dict[int, dict[str, Any]], laid: list[int]) -> None:
    placements = {number: Placement(**fields) for number, fields in placed.items()}
    settings = {"roles": dict.fromkeys(placed, "overlay"), "placements": placements}
    nodes = graph(PROFILES[0], Case((PHOTOGRAPH, PHOTOGRAPH, PHOTOGRAPH), settings=settings))["nodes"]
    found = [name for name in nodes if "overlay_" in name]
    assert [int(name.rpartition("_")[2]) for name in found] == laid
    given = [nodes[name]["inputs"]["z_index"] for name in found]
    assert given == [placements[number].z for number in laid]
