"""Save Edited Image."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from comfy_api.latest import io, ui

from .inputs import encode_options
from .output_files import output_files, workflow_texts
from .progress import reporter

_QUALITY = "1 to 100. At 95 a photograph keeps a PSNR of about 40 dB in a third of a PNG's bytes."
_FLATTEN = "What shows through transparency: a JPEG has none. sRGB."


class MultiEditSave(io.ComfyNode):
    """Writes pictures as PNG, JPEG or WebP."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSave",
            display_name="Save Edited Image",
            category="MultiEdit",
            description=(
                "Saves each picture of a batch into the output folder as PNG, JPEG or WebP, written whole or "
                "not at all. The workflow can be dragged back into ComfyUI from PNG and WebP, not from JPEG."
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
            inputs=_inputs(),
            outputs=[
                io.String.Output(
                    "filename",
                    is_output_list=True,
                    tooltip="For each picture, its file relative to the output folder.",
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        images: Any,
        filename_prefix: str,
        format: dict[str, Any],
        metadata: str = "everything",
        report: str | None = None,
        plan: str | None = None,
    ) -> io.NodeOutput:
        from ..pipelines.editing.save import save_images

        files = output_files(filename_prefix, images)
        saved = save_images(
            images,
            encode_options(format),
            files.path,
            automatic=format["format"] == "auto",
            texts=workflow_texts(cls) if metadata == "everything" else {},
            report=None if metadata == "none" else report,
            plan=plan if metadata == "everything" else None,
            progress=reporter(),
        )
        results = [ui.SavedResult(file.path.name, files.subfolder, io.FolderType.output) for file in saved]
        names = [PurePosixPath(files.subfolder, file.path.name).as_posix() for file in saved]
        # The history has no outputs but these, so whoever queued the graph reads the verdicts here.
        shown = {**ui.SavedImages(results).as_dict(), "multiedit": [file.about for file in saved]}
        return io.NodeOutput(names, ui=shown)


def _quality() -> io.Int.Input:
    return io.Int.Input("quality", default=95, min=1, max=100, tooltip=_QUALITY)


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input("images", tooltip="The pictures to save, RGB or RGBA; a file each."),
        io.String.Input(
            "filename_prefix",
            default="MultiEdit",
            tooltip="The beginning of the files' names; may hold folders and %date:yyyy-MM-dd%, %width% "
            "and %height% (pixels), as in Save Image.",
        ),
        _format(),
        io.Combo.Input(
            "metadata",
            optional=True,
            options=["everything", "without workflow", "none"],
            default="everything",
            tooltip="What a file says of itself: everything (the workflow, the plan and the safe mode "
            "report), without workflow (the report alone), or none. A blurred picture never has the "
            "workflow and the plan, which are the recipe of the sharp one. JPEG has room for 64 KB.",
        ),
        io.String.Input(
            "report",
            optional=True,
            force_input=True,
            tooltip="The report of Safe Mode: goes into the files, and keeps the workflow out of those "
            "of blurred pictures.",
        ),
        io.String.Input(
            "plan",
            optional=True,
            force_input=True,
            tooltip="The plan of Multi-Edit: goes into the files, so that each says which model made it.",
        ),
    ]


def _format() -> io.DynamicCombo.Input:
    jpeg: list[io.Input] = [
        _quality(),
        io.Combo.Input(
            "subsampling",
            options=["4:4:4", "4:2:0"],
            default="4:4:4",
            tooltip="Of the colour: 4:2:0 saves a quarter of the bytes and blurs coloured edges.",
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
                        tooltip="Every pixel as it is, in about two thirds of a PNG's bytes; quality "
                        "is then ignored.",
                    ),
                ],
            ),
        ],
        tooltip="auto is the hosted API's rule by the area in pixels: PNG where 1K (1024x1024) is the "
        "closest tier, JPEG with the settings below where 2K or 4K is.",
    )
