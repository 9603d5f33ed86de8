"""Build the ComfyUI graph of a decided edit. Pure: the same decisions give the same graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

from ...layers.extension import AUTO_FILL, SIDES, Extension
from ...layers.placement import Placement
from ...planning.plan import EditPlan
from .families import FAMILIES
from .families.family import Family
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
    family = FAMILIES[generation.profile.family]
    if (extension := generation.plan.extension) is not None:
        sources = _extended(graph, extension, family, sources)
    sources = _with_overlays(graph, generation.plan, sources)
    images = []
    for frame in range(frames):
        name = "" if frames == 1 else f"frame_{frame + 1}."
        images.append(family.build(GraphBuilder(graph, generation, replace(sources, frame=frame), name)))
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


def _extended(graph: GraphNodes, extension: Extension, family: Family, sources: GraphSources) -> GraphSources:
    """Extend the base and its mask; the model is shown what its family wants to see there.

    Whatever that is, at the seam the edit fades in over the mirror image of the base.
    """
    fill = family.extension_fill if extension.fill == AUTO_FILL else extension.fill
    sides = {side: getattr(extension, side) for side in SIDES}
    image = {
        "image": sources.images[0],
        "extend": "sides",
        **{f"extend.{name}": n for name, n in sides.items()},
    }
    mask: dict[str, object] = {} if sources.mask is None else {"mask": sources.mask}
    kept = graph.add("extend", "MultiEditExtend", {**image, **mask, "fill": "mirror"})
    shown = graph.add("extend_shown", "MultiEditExtend", {**image, **_fill(fill)})
    return replace(sources, images=(kept, *sources.images[1:]), mask=output(kept, 1), shown=shown)


def _fill(fill: str) -> dict[str, object]:
    """The widgets of Extend Image for a fill."""
    return {"fill": "color", "fill.color": fill} if fill.startswith("#") else {"fill": fill}


def _with_overlays(graph: GraphNodes, plan: EditPlan, sources: GraphSources) -> GraphSources:
    """Lay what is an overlay onto the base, each by its own placement; the rest are references."""

    def laid_on(base: Link, suffix: str = "") -> Link:
        for number, placement in _from_the_base(plan.placements):
            layers = {"image_1": base, "image_2": sources.images[number - 1]}
            fields = asdict(placement)
            fields["z_index"] = fields.pop("z")
            del fields["visible"]
            base = graph.add(f"overlay_{number}{suffix}", "MultiEditCompose", {**layers, **fields})
        return base

    base, shown = laid_on(sources.images[0]), sources.shown
    if shown is not None:
        sources = replace(sources, shown=laid_on(shown, "_shown"))
    numbered = zip(plan.roles, sources.images, strict=False)  # the mask, which is last, has a link of its own
    return replace(sources, images=(base, *(image for role, image in numbered if role == "reference")))


def _from_the_base(placements: Mapping[int, Placement]) -> list[tuple[int, Placement]]:
    """The visible overlays in the order in which they are laid on it, and then those under it, downwards."""
    shown = sorted(((number, each) for number, each in placements.items() if each.visible), key=_z)
    return [*filter(lambda each: _z(each) >= 0, shown), *filter(lambda each: _z(each) < 0, reversed(shown))]


def _z(overlay: tuple[int, Placement]) -> int:
    return overlay[1].z
