"""Templates with a generative model: the addresses of its files, and a thumbnail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from multiedit.pipelines.adapters.comfyui.profiles.profile import ModelPart, Profile, WeightsFile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from PIL import Image, ImageDraw, ImageFont, ImageOps

WIDTH, HEIGHT, GAP, TILE_HEIGHT = 480, 320, 16, 150
PAGE, TEXT, FAINT, PAINT = "#202124", "#f1f3f4", "#b0b6bc", "#e000e0"
LINE = 52  # characters
_PROMPTED = {"MultiEditEdit", "MultiEditImageToLayers"}
_IMAGES = {("LoadImage", "image"), ("MultiEditLoadLayers", "image")}


def profile_of(prompt: Mapping[str, Any]) -> Profile | None:
    """The profile that a template names the files of: the first of its model. None without a model."""
    loaders = [node for node in prompt.values() if node["class_type"] == "MultiEditLoadModel"]
    return load_all_profiles().of_model(loaders[0]["inputs"]["model"])[0] if loaders else None


def links(profile: Profile) -> list[dict[str, str]]:
    """A file for each part, as core's templates have them in the properties of their loaders."""
    files = [(part, _preferred_file(part)) for part in profile.parts.values()]
    return [{"name": file.name, "url": file.url, "directory": part.folder} for part, file in files]


def file_list(profile: Profile) -> str:
    """The files as a Markdown list, for a note."""
    files = [(part, _preferred_file(part)) for part in profile.parts.values()]
    return "\n".join(
        f"- *{part.folder}*: [{file.name}]({file.url}) ({file.gigabytes} GB)" for part, file in files
    )


def _preferred_file(part: ModelPart) -> WeightsFile:
    """The fp8 file if one is published, since it fits more cards, else the first."""
    return next((file for file in part.files if "fp8" in file.name), part.files[0])


def _image_names(prompt: Mapping[str, Any]) -> Iterator[str]:
    """Names of the images that a template loads, in order."""
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if (node["class_type"], name[:5]) in _IMAGES and not value.startswith("none"):
                yield Path(value.removesuffix(" [temp]")).name


def draw_card(prompt: Mapping[str, Any], profile: Profile, samples: Path) -> Image.Image:
    """Draw a thumbnail of the inputs: images, prompt and model. No result, since none was made here."""
    [edit] = [node["inputs"] for node in prompt.values() if node["class_type"] in _PROMPTED]
    loaded = list(_image_names(prompt))
    pictures = [Image.open(samples / name).convert("RGB") for name in loaded]
    if "mask" in edit:
        pictures.append(_painted(pictures[0], Image.open(samples / "coffee-mask.png").convert("L")))
    page = Image.new("RGB", (WIDTH, HEIGHT), PAGE)
    draw = ImageDraw.Draw(page)
    tile = ((WIDTH - GAP) // len(pictures) - GAP, TILE_HEIGHT)
    for number, picture in enumerate(pictures):
        page.paste(ImageOps.fit(picture, tile), (GAP + number * (tile[0] + GAP), GAP))
    top = GAP + TILE_HEIGHT
    draw.text((GAP, top + 12), profile.name.split(",")[0], TEXT, ImageFont.load_default(28))
    words = textwrap.fill(edit["prompt"], LINE)
    draw.multiline_text((GAP, top + 56), words, FAINT, ImageFont.load_default(18), spacing=6)
    return page


def _painted(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """Draw the mask on an image in a colour that cannot be taken for a result."""
    return Image.composite(Image.blend(picture, Image.new("RGB", picture.size, PAINT), 0.7), picture, mask)
