"""The pack's own images, which the templates open with, where ComfyUI can preview them.

ComfyUI shows files of its input, output and temporary folders only. The temporary one is ComfyUI's own: it is
emptied at each start, before the packs are loaded, so that nothing is left in a folder of the user's.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import folder_paths

FOLDER = "multi-edit"
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
NO_IMAGE = "none [temp]"
"""The choice of no image: a small drawing, since ComfyUI's page shows whatever file a list names."""
_NONE = "none.png"
_NAMES = ("coffee.jpg", "galaxies.jpg", "coffee-mask.png", "cat.jpg")
_logger = logging.getLogger(__name__)


def copy_samples() -> None:
    """Copy the images into the temporary folder; without them the templates ask for files."""
    temporary = Path(folder_paths.get_temp_directory())
    target = temporary / FOLDER
    try:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(_SAMPLES / _NONE, temporary / NO_IMAGE.removesuffix(" [temp]"))
        for name in _NAMES:
            shutil.copy(_SAMPLES / name, target / name)
    except OSError as error:
        _logger.warning("multi-edit: the sample images of the templates could not be copied: %s", error)


def listed_samples() -> list[str]:
    """The copies as ComfyUI names a file of its temporary folder."""
    folder = Path(folder_paths.get_temp_directory()) / FOLDER
    return [f"{FOLDER}/{name} [temp]" for name in _NAMES if (folder / name).is_file()]
