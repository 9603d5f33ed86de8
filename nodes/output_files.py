"""File names in ComfyUI's output folder, and the workflow as texts for their metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import comfy.cli_args
import folder_paths
from comfy_api.latest import io
from torch import Tensor


class OutputFiles(NamedTuple):
    """Where files go: the folder below the output folder, and `path(index in the batch, suffix)`."""

    subfolder: str
    path: Callable[[int, str], Path]


def output_files(prefix: str, images: Tensor) -> OutputFiles:
    """Find free names by ComfyUI's own rule: prefix_00001_.png, with its placeholders and its counter."""
    height, width = images.shape[1:3]
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
        prefix, folder_paths.get_output_directory(), width, height
    )

    def path(index: int, suffix: str) -> Path:
        stem = name.replace("%batch_num%", str(index))
        return Path(folder, f"{stem}_{counter + index:05}_{suffix}")

    return OutputFiles(subfolder, path)


def workflow_texts(cls: type[io.ComfyNode]) -> dict[str, str]:
    """ComfyUI's `prompt` and `workflow` as JSON, unless it was started with --disable-metadata."""
    if comfy.cli_args.args.disable_metadata:
        return {}
    texts = {"prompt": cls.hidden.prompt} if cls.hidden.prompt else {}
    return {name: json.dumps(value) for name, value in {**texts, **(cls.hidden.extra_pnginfo or {})}.items()}
