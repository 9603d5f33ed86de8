"""Read what a result says about itself, as Pillow reads it: the other side of `images/metadata.py`."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, PngImagePlugin

_TAGS = (0x0110, 0x010F, 0x010E)  # ComfyUI's: prompt, workflow, and ours


def read_metadata(data: bytes, kind: str) -> dict[str, str]:
    """The JSON texts of a png, jpeg or webp file by name."""
    image = Image.open(BytesIO(data), formats=[kind])
    if isinstance(image, PngImagePlugin.PngImageFile):
        image.load()
        return dict(image.text)
    exif = image.getexif()
    return {name: text for name, _, text in (exif[tag].partition(":") for tag in _TAGS if tag in exif)}
