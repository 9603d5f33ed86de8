"""The table of our nodes, and their registration with ComfyUI."""

from __future__ import annotations

import logging
from pathlib import Path

from comfy_api.latest import ComfyExtension, io

import nodes

from ..pipelines.common.errors import ERROR_CLASSES
from .compare import MultiEditCompare
from .compose import MultiEditCompose
from .edit import MultiEditEdit
from .expanded.deferred import MultiEditDeferred
from .expanded.encode_nodes import (
    MultiEditFit,
    MultiEditInpaint,
    MultiEditMaskedLatent,
    MultiEditPrompt,
    MultiEditReference,
)
from .expanded.finish import MultiEditFinish, MultiEditScale
from .expanded.layers_deferred import MultiEditLayersDeferred
from .expanded.mask_nodes import MultiEditFill, MultiEditGrowMask
from .expanded.model_parts import MultiEditModelParts
from .expanded.report import MultiEditReport
from .expanded.result import MultiEditResult
from .expanded.sample import MultiEditSample
from .expanded.stack_layers import MultiEditStackLayers
from .extend import MultiEditExtend
from .image_to_layers import MultiEditImageToLayers
from .load_layers import MultiEditLoadLayers
from .load_model import MultiEditLoadModel
from .load_url import MultiEditLoadUrl
from .lora import MultiEditLora
from .model_from_parts import MultiEditModelFromParts
from .resolve_size import MultiEditResolveSize
from .safe_mode import MultiEditSafeMode
from .sample_files import copy_samples
from .sampling import MultiEditSampling
from .save import MultiEditSave

# Kept as a literal and out of the root module: tools read it there, while ComfyUI, seeing it in the root,
# would take the pack for a V1 one.
NODE_CLASS_MAPPINGS: dict[str, type[io.ComfyNode]] = {
    "MultiEditLoadLayers": MultiEditLoadLayers,
    "MultiEditLoadUrl": MultiEditLoadUrl,
    "MultiEditCompose": MultiEditCompose,
    "MultiEditResolveSize": MultiEditResolveSize,
    "MultiEditEdit": MultiEditEdit,
    "MultiEditSafeMode": MultiEditSafeMode,
    "MultiEditSave": MultiEditSave,
    "MultiEditLoadModel": MultiEditLoadModel,
    "MultiEditModelFromParts": MultiEditModelFromParts,
    "MultiEditLora": MultiEditLora,
    "MultiEditSampling": MultiEditSampling,
    "MultiEditExtend": MultiEditExtend,
    "MultiEditImageToLayers": MultiEditImageToLayers,
    "MultiEditCompare": MultiEditCompare,
}
# What Multi-Edit and Image to Layers expand into; a user meets them in messages only.
INNER_NODES: dict[str, type[io.ComfyNode]] = {
    "MultiEditDeferred": MultiEditDeferred,
    "MultiEditLayersDeferred": MultiEditLayersDeferred,
    "MultiEditModelParts": MultiEditModelParts,
    "MultiEditReference": MultiEditReference,
    "MultiEditFit": MultiEditFit,
    "MultiEditMaskedLatent": MultiEditMaskedLatent,
    "MultiEditPrompt": MultiEditPrompt,
    "MultiEditInpaint": MultiEditInpaint,
    "MultiEditSample": MultiEditSample,
    "MultiEditScale": MultiEditScale,
    "MultiEditStackLayers": MultiEditStackLayers,
    "MultiEditFinish": MultiEditFinish,
    "MultiEditGrowMask": MultiEditGrowMask,
    "MultiEditFill": MultiEditFill,
    "MultiEditReport": MultiEditReport,
    "MultiEditResult": MultiEditResult,
}

_FOLDER = Path(__file__).parent.parent.name  # as it is called in custom_nodes, be it a link
_logger = logging.getLogger(__name__)


class MultiEditExtension(ComfyExtension):
    """The pack as ComfyUI loads it."""

    async def on_load(self) -> None:
        """Mount the HTTP API on ComfyUI's server, show errors by their short names, bring the samples."""
        from ..api.comfyui_server import mount

        for kind in ERROR_CLASSES.values():
            kind.__module__ = "builtins"  # for any other ComfyUI puts the module's whole path before the name
        mount()
        copy_samples()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Our nodes; none where another copy of the pack has registered them already."""
        for name in NODE_CLASS_MAPPINGS:
            if name in nodes.NODE_CLASS_MAPPINGS:
                other = getattr(nodes.NODE_CLASS_MAPPINGS[name], "RELATIVE_PYTHON_MODULE", None) or "ComfyUI"
                _logger.warning(
                    "multi-edit is installed twice: %s already has the node %s, so the copy in the folder "
                    "%s is not used. Remove one of the two from custom_nodes and start ComfyUI again.",
                    other, name, _FOLDER,
                )  # fmt: skip
                return []
        return [*NODE_CLASS_MAPPINGS.values(), *INNER_NODES.values()]
