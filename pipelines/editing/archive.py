"""Several results of one edit as one file: a ZIP of the images, which are compressed already."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .output import EncodedImage

ZIP = "application/zip"
_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same images are the same bytes


def pack(files: Sequence[EncodedImage]) -> EncodedImage:
    """Pack results as `1.png`, `2.png` and so on; what safe mode says is of the first that it blurred."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number, file in enumerate(files, start=1):
            suffix = file.media_type.rpartition("/")[2].replace("jpeg", "jpg")
            archive.writestr(zipfile.ZipInfo(f"{number}.{suffix}", _SAME_TIME), file.data)
    told = next((file for file in files if file.safety.blurred), files[0])
    return replace(told, data=packed.getvalue(), media_type=ZIP)


def unpack(file: EncodedImage) -> list[EncodedImage]:
    """The images of a pack, in order, or the one image; of each safe mode says what it says of all."""
    if file.media_type != ZIP:
        return [file]
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        return [
            replace(file, data=archive.read(name), media_type=_media_type(name))
            for name in archive.namelist()
        ]


def _media_type(name: str) -> str:
    return f"image/{name.rpartition('.')[2].replace('jpg', 'jpeg')}"
