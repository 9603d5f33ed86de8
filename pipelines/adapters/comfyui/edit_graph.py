"""Build the ComfyUI graph of a decided edit. Pure: the same decisions give the same graph."""

from __future__ import annotations

from dataclasses import asdict, replace

from ...planning.plan import EditPlan
from .families import FAMILIES
from .generation_plan import GenerationPlan
from .graph import GraphNodes, Link
from .graph_builder import GraphBuilder, GraphSources


def edit_graph(
    generation: GenerationPlan, sources: GraphSources, frames: int = 1, prefix: str = ""
) -> tuple[GraphNodes, Link]:
    """Build the graph of an edit; returns it and the link to its image.

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
    return graph, joined


def _with_overlays(graph: GraphNodes, plan: EditPlan, sources: GraphSources) -> GraphSources:
    """Lay what is an overlay onto the base, each by its own placement; the rest are references."""
    base = sources.images[0]
    for number, placement in plan.placements.items():
        layers = {"image_1": base, "image_2": sources.images[number - 1]}
        base = graph.add(f"overlay_{number}", "MultiEditCompose", {**layers, **asdict(placement)})
    numbered = zip(plan.roles, sources.images, strict=False)  # the mask, which is last, has a link of its own
    return replace(sources, images=(base, *(image for role, image in numbered if role == "reference")))
