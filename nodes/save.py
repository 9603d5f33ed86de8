"""Save Edited Image."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import comfy.cli_args
import folder_paths
from comfy_api.latest import io, ui

from ..pipelines.common.errors import InvalidRequest
from .dynamic_options import UNSENT, refuse_unknown, require_option
from .progress import abandonable, interruptible_torch, progress_callback
from .result_pictures import result_pictures
from .saved_files import SAVED_FILES
from .socket_values import TEXT_SOCKET, encode_options

if TYPE_CHECKING:
    from torch import Tensor

    from ..pipelines.editing.save import Saved

_QUALITY = "1 to 100. At 95 a photograph keeps a PSNR of about 40 dB in a third of a PNG's bytes."
_FLATTEN = "The colour behind transparent pixels, since JPEG has no transparency. sRGB."


class MultiEditSave(io.ComfyNode):
    """Write images as PNG, JPEG or WebP."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSave",
            display_name="Save Edited Image",
            category="MultiEdit",
            description=(
                "Saves each image of a batch to the output folder as PNG, JPEG or WebP. The "
                "workflow can be dragged back into ComfyUI from PNG and WebP, not from JPEG."
            ),
            search_aliases=[
                "save image",
                "export image",
                "save jpeg",
                "save webp",
                "save png",
                "output image",
            ],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
            accept_all_inputs=True,
            inputs=_inputs(),
            outputs=[
                io.String.Output(
                    "filename",
                    is_output_list=True,
                    tooltip="For each image, its file relative to the output folder.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, format: Any = UNSENT, images: Any = None) -> bool | str:
        return refuse_unknown(cls, format=format)

    @classmethod
    def fingerprint_inputs(cls, **inputs: Any) -> int:
        """Changes when a file that these inputs gave has been deleted, so that it is written again."""
        return SAVED_FILES.fingerprint(cls.hidden.unique_id)

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        images: Any,
        filename_prefix: str,
        format: dict[str, Any] | None = None,
        metadata: str = "everything",
        report: str | None = None,
        plan: str | None = None,
        before: Any = None,
        **others: Any,
    ) -> io.NodeOutput:
        from ..pipelines.editing.save import save_images
        from ..pipelines.images.tensor_input import image_batch

        batch, choice = image_batch(images, "images"), require_option("format", format)
        subfolder, path = _output_files(filename_prefix, batch)
        saved = save_images(
            batch,
            encode_options(choice),
            path,
            automatic=choice["format"] == "auto",
            progress=progress_callback(),
            run=abandonable,
            **_written(cls, metadata, report, plan),
        )
        SAVED_FILES.add(cls.hidden.unique_id, [file.path for file in saved])
        return io.NodeOutput(_names(saved, subfolder), ui=_shown(saved, subfolder, batch, before))


def _compared(batch: Tensor, before: object) -> dict[str, Any]:
    """What the page compares on the node, where there is something to compare with."""
    from ..pipelines.images.tensor_input import image_batch

    return {} if before is None else result_pictures(batch, image_batch(before, "before"))


def _names(saved: Sequence[Saved], subfolder: str) -> list[str]:
    return [PurePosixPath(subfolder, file.path.name).as_posix() for file in saved]


def _output_files(prefix: str, images: Tensor) -> tuple[str, Callable[[int, str], Path]]:
    """Find free names by ComfyUI's own rule: prefix_00001_.png, with its placeholders and its counter.

    Returns:
        The folder below the output folder, and path(index in the batch, suffix).

    Raises:
        InvalidRequest: the prefix has a NUL character.
    """
    if "\0" in prefix:
        raise InvalidRequest("filename_prefix has a NUL character. Remove it.", field="filename_prefix")
    height, width = images.shape[1:3]
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
        prefix, folder_paths.get_output_directory(), width, height
    )

    def path(index: int, suffix: str) -> Path:
        stem = name.replace("%batch_num%", str(index))
        return Path(folder, f"{stem}_{counter + index:05}_{suffix}")

    return subfolder, path


def _workflow_texts(cls: type[io.ComfyNode]) -> dict[str, str]:
    """ComfyUI's `prompt` and `workflow` as JSON, unless it was started with --disable-metadata."""
    if comfy.cli_args.args.disable_metadata:
        return {}
    texts = {"prompt": cls.hidden.prompt} if cls.hidden.prompt else {}
    return {name: json.dumps(value) for name, value in {**texts, **(cls.hidden.extra_pnginfo or {})}.items()}


def _written(cls: type[io.ComfyNode], metadata: str, report: str | None, plan: str | None) -> dict[str, Any]:
    """What is written into the files beside the image, by the widget `metadata`."""
    everything = metadata == "everything"
    return {
        "texts": _workflow_texts(cls) if everything else {},
        "report": None if metadata == "none" else report,
        "plan": plan if everything else None,
    }


def _shown(saved: Sequence[Saved], subfolder: str, batch: Tensor, before: object) -> dict[str, Any]:
    """The history has no other outputs, so whoever queued the graph reads the decisions here."""
    results = [ui.SavedResult(file.path.name, subfolder, io.FolderType.output) for file in saved]
    return {
        **ui.SavedImages(results).as_dict(),
        "multiedit": [file.about for file in saved],
        **_compared(batch, before),
    }


def _quality() -> io.Int.Input:
    return io.Int.Input("quality", default=95, min=1, max=100, tooltip=_QUALITY)


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input("images", tooltip="The images to save, RGB or RGBA; one file each."),
        io.String.Input(
            "filename_prefix",
            default="MultiEdit",
            tooltip="The prefix of the file names; may contain folders and %date:yyyy-MM-dd%, %width% "
            "and %height% (pixels), as in Save Image.",
        ),
        _format(),
        io.Combo.Input(
            "metadata",
            optional=True,
            options=["everything", "without workflow", "none"],
            default="everything",
            tooltip="What is written into the files: everything (workflow, plan and Safe Mode report), "
            "without workflow (the report only), or none. Blurred images never get the workflow and the "
            "plan, which could reproduce the unblurred image. JPEG has room for 64 KB.",
        ),
        TEXT_SOCKET.Input(
            "report",
            optional=True,
            tooltip="The report output of Safe Mode: is written into the files, and keeps the workflow "
            "out of those of blurred images.",
        ),
        TEXT_SOCKET.Input(
            "plan",
            optional=True,
            tooltip="The plan output of Multi-Edit: is written into the files, so that each names its model.",
        ),
        io.Image.Input(
            "before",
            optional=True,
            tooltip="The image before the edit, to compare the saved one with on the node. It is not saved.",
        ),
    ]


def _format() -> io.DynamicCombo.Input:
    jpeg: list[io.Input] = [
        _quality(),
        io.Combo.Input(
            "subsampling",
            options=["4:4:4", "4:2:0"],
            default="4:4:4",
            tooltip="Chroma subsampling: 4:2:0 saves a quarter of the bytes and blurs coloured edges.",
        ),
        io.Color.Input("background", default="#ffffff", tooltip=_FLATTEN),
    ]
    return io.DynamicCombo.Input(
        "format",
        options=[
            io.DynamicCombo.Option("auto", jpeg),
            io.DynamicCombo.Option("png", []),
            io.DynamicCombo.Option("jpeg", jpeg),
            io.DynamicCombo.Option(
                "webp",
                [
                    _quality(),
                    io.Boolean.Input(
                        "lossless",
                        default=False,
                        tooltip="Keep every pixel exactly, in about two thirds of a PNG's bytes; quality "
                        "is then ignored.",
                    ),
                ],
            ),
        ],
        tooltip="auto chooses by the area in pixels: PNG where 1K (1024x1024) is the closest tier, JPEG "
        "with the settings below where 2K or 4K is.",
    )
