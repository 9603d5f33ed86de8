"""Build the ComfyUI graph of a decided edit. Pure: the same decisions give the same graph."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import NamedTuple

from ...planning.plan import EditPlan
from .families import FAMILIES
from .generation_plan import GenerationPlan
from .graph import GraphNodes, Link, output
from .graph_builder import GraphBuilder, GraphSources


class EditGraph(NamedTuple):
    """The graph of an edit.

    Attributes:
        image: the link to its result.
        measured: links to what is measured outside the mask, one for each frame; empty where nothing is.
    """

    graph: GraphNodes
    image: Link
    measured: tuple[Link, ...]


def edit_graph(
    generation: GenerationPlan, sources: GraphSources, frames: int = 1, prefix: str = ""
) -> EditGraph:
    """Build the graph of an edit.

    Args:
        frames: of the longest batch among the sources; each is edited by itself, with the same seed.
        prefix: of the nodes' ids.
    """
    graph = GraphNodes(prefix)
    sources = _with_overlays(graph, generation.plan, sources)
    build = FAMILIES[generation.profile.family].build
    images = []
    for frame in range(frames):
        name = "" if frames == 1 else f"frame_{frame + 1}."
        images.append(build(GraphBuilder(graph, generation, replace(sources, frame=frame), name)))
    joined = images[0]
    for number, image in enumerate(images[1:], start=2):
        joined = graph.add(f"join_{number}", "ImageBatch", {"image1": joined, "image2": image})
    options = generation.plan.mask_options
    measures = generation.masked and (options.color_match or options.align)
    return EditGraph(graph, joined, tuple(output(image, 1) for image in images) if measures else ())


def add_report(edit: EditGraph, plan: str, summary: str) -> tuple[str | Link, str | Link]:
    """Add what completes the plan and the summary by what is measured; returns them, or links to them."""
    texts: tuple[str | Link, str | Link] = plan, summary
    for number, measured in enumerate(edit.measured, start=1):
        frame = number if len(edit.measured) > 1 else 0
        inputs = {"plan": texts[0], "summary": texts[1], "measured": measured, "frame": frame}
        report = edit.graph.add(f"report_{number}", "MultiEditReport", inputs)
        texts = report, output(report, 1)
    return texts


def _with_overlays(graph: GraphNodes, plan: EditPlan, sources: GraphSources) -> GraphSources:
    """Lay what is an overlay onto the base, each by its own placement; the rest are references."""
    base = sources.images[0]
    for number, placement in plan.placements.items():
        layers = {"image_1": base, "image_2": sources.images[number - 1]}
        base = graph.add(f"overlay_{number}", "MultiEditCompose", {**layers, **asdict(placement)})
    numbered = zip(plan.roles, sources.images, strict=False)  # the mask, which is last, has a link of its own
    return replace(sources, images=(base, *(image for role, image in numbered if role == "reference")))
