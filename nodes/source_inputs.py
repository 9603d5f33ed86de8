"""The inputs of Load Layered Images: the source of each image, a file or an address."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.latest import io

from ..pipelines.common.errors import InvalidImage, InvalidRequest
from ..pipelines.common.validation import describe

if TYPE_CHECKING:
    from ..pipelines.sources.source import ImageSource

SOURCE_COUNT = 3
FILE, URL, NONE = "file", "url", "none"
_UPLOAD = io.Custom("IMAGEUPLOAD")

SourceChoice = Mapping[str, Any]
"""The value of a source input: {"image_1": "file", "file": "cup.png"}."""


def source_input(number: int) -> io.DynamicCombo.Input:
    """The source of image `number`; image 1 is required, so it has no "none"."""
    name = f"image_{number}"
    file = [
        io.Combo.Input(
            "file",
            options=_input_files(),
            image_folder=io.FolderType.input,
            tooltip=f"Image {number} from ComfyUI's input folder: JPEG, PNG, WebP, GIF (first frame), AVIF, "
            "HEIC, BMP or TIFF, under 500 MB.",
        ),
        # The upload button that ComfyUI adds by itself is for one combo a node, outside dynamic inputs.
        _UPLOAD.Input(
            "upload",
            optional=True,
            tooltip="Copies an image from your computer into the input folder.",
            extra_dict={"image_upload": True, "image_folder": "input", "imageInputName": f"{name}.file"},
        ),
    ]
    url = [
        io.String.Input(
            "url",
            placeholder="https://example.com/image.jpg",
            tooltip=f"Image {number} as an http or https address, a data URL or base64 text. An address is "
            "fetched when the node runs: 30 seconds and 500 MB at most, public addresses only. Long base64 "
            "text is saved with the workflow.",
        )
    ]
    options = [io.DynamicCombo.Option(FILE, file), io.DynamicCombo.Option(URL, url)]
    role = "the base of the layers"
    if number > 1:
        options.insert(0, io.DynamicCombo.Option(NONE, []))
        role = "a further layer; none leaves its outputs empty"
    return io.DynamicCombo.Input(
        name,
        options=options,
        tooltip=f"Where image {number} comes from: {role}. file is the input folder, url an address, a data "
        "URL or base64.",
    )


def _input_files() -> list[str]:
    folder = folder_paths.get_input_directory()
    files = [name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name))]
    return sorted(folder_paths.filter_files_content_types(files, ["image"]))


def image_sources(choices: Sequence[SourceChoice | None]) -> dict[int, ImageSource]:
    """The sources of images 1, 2, ... by number, without those set to none.

    Raises:
        InvalidRequest: image 1 is missing, or a file or address is empty.
        InvalidImage: a file is not in the input folder.
    """
    from ..pipelines.sources.source import TextSource

    if not choices[0]:
        raise InvalidRequest("image 1 is missing; it is the base. Set image_1 to file or url.")
    sources: dict[int, ImageSource] = {}
    for number, choice in enumerate(choices, start=1):
        if not choice or (kind := choice.get(f"image_{number}", NONE)) == NONE:
            continue
        value = choice.get(kind)
        if not value:
            raise InvalidRequest(f"image {number} is set to {kind}, but none is given. Give one.")
        sources[number] = _file(value, number) if kind == FILE else TextSource(value)
    return sources


def _file(name: str, number: int) -> ImageSource:
    from ..pipelines.sources.source import FileSource

    if not folder_paths.exists_annotated_filepath(name):
        raise InvalidImage(
            f"image {number}: {describe(name)} is not in the input folder. Upload it, or choose another file."
        )
    return FileSource(folder_paths.get_annotated_filepath(name))
