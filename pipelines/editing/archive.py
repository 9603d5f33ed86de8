"""Several results of one edit as one file: a ZIP of the images, which are compressed already."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .output import EncodedImage

ZIP = "application/zip"
_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same images are the same bytes


class Pack:
    """Results as `1.png`, `2.png` and so on, added one by one, so that only one is in memory twice."""

    def __init__(self) -> None:
        self._data = io.BytesIO()
        self._archive = zipfile.ZipFile(self._data, "w", zipfile.ZIP_STORED)
        self._told: EncodedImage | None = None

    def add(self, file: EncodedImage) -> None:
        """Add the next result."""
        number = len(self._archive.namelist()) + 1
        suffix = file.media_type.rpartition("/")[2].replace("jpeg", "jpg")
        self._archive.writestr(zipfile.ZipInfo(f"{number}.{suffix}", _SAME_TIME), file.data)
        if self._told is None or (file.safety.blurred and not self._told.safety.blurred):
            self._told = replace(file, data=b"", media_type=ZIP)

    def finish(self) -> EncodedImage:
        """The pack of one result at least; what safe mode says is of the first that it blurred.

        Raises:
            ValueError: there is no result.
        """
        if self._told is None:
            raise ValueError("a pack has one result at least")
        self._archive.close()
        return replace(self._told, data=self._data.getvalue())


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
