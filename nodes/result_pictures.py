"""Keep what a run made for the page: its images before and after, and what was decided on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import is_link

from .progress import page_is_watching

if TYPE_CHECKING:
    from ..pipelines.safety.report import SafetyReport

_MOST_FRAMES = 8
_SCREENING = "MultiEditSafeMode"


def result_pictures(
    after: object = None, before: object = None, reports: Sequence[SafetyReport] = ()
) -> dict[str, Any]:
    """What a node returns as `ui` beside the rest: names of its images in small, of the first frames.

    Nothing where no page looks on.

    Args:
        after, before: IMAGEs, or None where there is none, or it is not to be seen yet.
        reports: safe mode's decision on each frame of `after`.
    """
    if not page_is_watching():
        return {}
    decisions = [
        {"blurred": report.blurred, "score": report.score, "label": report.label, "status": report.status}
        for report in reports[:_MOST_FRAMES]
    ]
    result = {"after": _kept(after), "before": _kept(before), "decisions": decisions}
    return {"multiedit_result": [{**result, "count": max(_count(after), _count(before))}]}


def _count(images: Any) -> int:
    return 0 if images is None else len(images)


def _kept(images: Any) -> list[str]:
    """The names of an IMAGE's first frames."""
    from ..pipelines.editing.stage_pictures import RUN_PICTURES, small_image
    from ..pipelines.images.tensor_input import image_batch

    if images is None:
        return []
    batch = image_batch(images, "images")[:_MOST_FRAMES]
    kept = RUN_PICTURES.keep({at: small_image(batch[at : at + 1], None) for at in range(len(batch))})
    return list(kept.values())


def is_screened_later(cls: type[io.ComfyNode]) -> bool:
    """Whether the running prompt has a Safe Mode after this node, which then shows the result first."""
    graph = cls.hidden.dynprompt
    own = graph.get_display_node_id(cls.hidden.unique_id)
    return any(
        graph.get_node(node)["class_type"] == _SCREENING and own in _ancestors(graph, node)
        for node in graph.all_node_ids()
    )


def _ancestors(graph: Any, node: str) -> set[str]:
    """The nodes of a prompt that one depends on."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        inputs = graph.get_node(waiting.pop())["inputs"].values()
        further = {value[0] for value in inputs if is_link(value)} - found
        found |= further
        waiting += [name for name in further if graph.has_node(name)]
    return found
