"""The inputs of Load Layered Images: a file of the input folder for each image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.latest import io

from ..pipelines.common.errors import InvalidImage, InvalidRequest
from ..pipelines.common.validation import describe
from .sample_files import NO_IMAGE, listed_samples

if TYPE_CHECKING:
    from ..pipelines.sources.source import FileSource

SOURCE_COUNT = 3
_NO_IMAGE = ("none", NO_IMAGE)  # the first is for those who write a prompt by hand
_UPLOAD = io.Custom("IMAGEUPLOAD")


class _InputFiles(list[str]):
    """The files that a combo lists; it has any other that is there too.

    ComfyUI refuses a prompt whose value the combo has not: files below the folder, with a folder in brackets
    or uploaded since the page was opened are as good as those listed.
    """

    def __contains__(self, name: object) -> bool:
        if name in _NO_IMAGE:
            return NO_IMAGE in self[:1]
        return super().__contains__(name) or (isinstance(name, str) and _path_of(name) is not None)


def _path_of(name: str) -> Path | None:
    """The file that ComfyUI means by a name ("cup.png", "cup.png [output]"); None where there is none."""
    if not folder_paths.exists_annotated_filepath(name):
        return None
    path = Path(folder_paths.get_annotated_filepath(name))
    return path if path.is_file() and _is_below_its_folder(name, path) else None


def _is_below_its_folder(name: str, path: Path) -> bool:
    """Whether a file lies in the folder that its name is of, links followed; older ComfyUIs do not ask."""
    folder = folder_paths.annotated_filepath(name)[1] or folder_paths.get_input_directory()
    return path.resolve().is_relative_to(Path(folder).resolve())


def source_inputs() -> list[io.Input]:
    """A combo for each image, and a button for each to upload a file; only image 1 is required."""
    numbers = range(1, SOURCE_COUNT + 1)
    return [*map(_file_input, numbers), *(_upload_button(number) for number in reversed(numbers))]


def _file_input(number: int) -> io.Input:
    required = number == 1
    role = "the base of the layers" if required else "a further layer; none leaves its outputs empty"
    return io.Combo.Input(
        f"image_{number}",
        optional=not required,
        options=_InputFiles([*([] if required else [NO_IMAGE]), *_listed_files(), *listed_samples()]),
        upload=io.UploadType.image,
        image_folder=io.FolderType.input,
        tooltip=f"Image {number} from ComfyUI's input folder, {role}. At the end of the list are this "
        "pack's samples. JPEG, PNG, WebP, GIF (first frame), AVIF, HEIC, BMP or TIFF, under 500 MB.",
    )


def _upload_button(number: int) -> io.Input:
    # Nodes 2.0 has the upload in the combo. In the classic renderer ComfyUI adds a button by itself, for the
    # first combo only and named "upload". Each shows its file on the node when it is made, so that of the
    # image that is always there is the last.
    return _UPLOAD.Input(
        "upload" if number == 1 else f"upload_{number}",
        display_name=f"upload image {number}",
        optional=True,
        tooltip=f"Copies image {number} from your computer into the input folder.",
        extra_dict={"image_upload": True, "image_folder": "input", "imageInputName": f"image_{number}"},
    )


def _listed_files() -> list[str]:
    folder = folder_paths.get_input_directory()
    files = [name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name))]
    return sorted(folder_paths.filter_files_content_types(files, ["image"]))


def file_sources(choices: Mapping[str, Any]) -> dict[int, FileSource]:
    """The files of image_1, image_2, ... by number, without those set to none.

    Raises:
        InvalidRequest: image 1 is missing.
        InvalidImage: a file is not there.
    """
    from ..pipelines.sources.source import FileSource

    sources: dict[int, FileSource] = {}
    for number in range(1, SOURCE_COUNT + 1):
        name = choices.get(f"image_{number}")
        if name is None or name in _NO_IMAGE:
            continue
        path = _path_of(name)
        if path is None:
            raise InvalidImage(
                f"image {number}: {describe(name)} is not in the input folder. Upload it, or choose another "
                "file."
            )
        sources[number] = FileSource(path)
    if 1 not in sources:
        raise InvalidRequest("image 1 is missing; it is the base. Set image_1 to a file.")
    return sources
