"""Keep a run's images for the stage on the node that placed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ..pipelines.common.settings import Limits
from .progress import page_is_watching

# For the schema: a page is told again of what comes from ComfyUI's cache. Older versions cannot say it.
TOLD_AGAIN: dict[str, Any] = {
    name: True for name in ("has_intermediate_output",) if name in io.Schema.__dataclass_fields__
}
INCOMING = 0  # the number of what comes in `layers`
EDIT_MASK = -1  # and of the edit mask: opaque where it keeps


def stage_pictures(
    cls: type[io.ComfyNode],
    images: Mapping[int, tuple[Any, Any]],
    layers: object = None,
    mask: Any = None,
) -> dict[str, Any]:
    """What a node returns as `ui` beside the rest: names of its images in small.

    Nothing where no page looks on, and for a node that Multi-Edit has expanded into.

    Args:
        images: by number, an image and its layer mask (1 = transparent) or None; a pipeline has checked them.
        layers: the LAYERS document under them, or None.
        mask: the edit mask [B, h, w] (1 = change), or None.
    """
    if not page_is_watching() or "." in cls.hidden.unique_id:
        return {}
    from ..pipelines.editing.stage_pictures import RUN_PICTURES, small_document, small_image
    from ..pipelines.images.tensor_input import image_tensor
    from ..pipelines.layers.document import parse_document
    from ..pipelines.layers.stack import given_mask

    pictures = (
        {}
        if layers is None
        else {INCOMING: small_document(parse_document(layers, Limits.from_environment()))}
    )
    for number, (value, own) in images.items():
        image = image_tensor(value, f"image_{number}")
        pictures[number] = small_image(image, given_mask(own, f"mask_{number}", image))
    if mask is not None:
        pictures[EDIT_MASK] = small_image(mask.new_ones((*mask[:1].shape, 3)), mask)
    return {"multiedit_stage": [RUN_PICTURES.keep(pictures)]}
