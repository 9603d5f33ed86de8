"""The classifiers of safe mode: title, licence, weights file with its sha256, and thresholds.

Without torch. The sizes and sha256 are those of the files at the pinned revisions; the thresholds are the
authors' own, or where they say nothing a half, but those of nsfwjs, which were chosen by its scores of
harmless images. docs/safety-evidence.md has these, and what is known of their accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..policy import PRESETS, Preset, Rule

EMBEDDED = ("open_nsfw", "nsfwjs")  # part of the package; the default, together
EMBEDDED_FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ClassifierSpec:
    """A classifier by its short name.

    Attributes:
        title: its authors' name for it.
        licence: of the weights, as an SPDX expression.
        file: of the weights, relative to a folder of classifiers; what is part of the package lies there.
        size: of that file, in bytes.
        sha256: of that file, lower-case hex.
        levels: the classes of its scores; each score is the probability of that level or, where they are
            graded, a higher one.
        rules: by preset.
        url: where the file can be had at a fixed revision; None where it is part of the package.
    """

    name: str
    title: str
    licence: str
    file: str
    size: int
    sha256: str
    levels: tuple[str, ...]
    rules: Mapping[Preset, tuple[Rule, ...]]
    url: str | None = None


def _hub(repository: str, revision: str) -> str:
    return f"https://huggingface.co/{repository}/resolve/{revision}/model.safetensors"


def _rules(*levels: tuple[str, float]) -> Mapping[Preset, tuple[Rule, ...]]:
    """One rule, (level, threshold), for each preset: strict, default, loose."""
    return {preset: (Rule(*level),) for preset, level in zip(PRESETS, levels, strict=True)}


_OPEN_NSFW = ClassifierSpec(
    name="open_nsfw",
    title="Yahoo open_nsfw",
    licence="BSD-2-Clause",
    file="open_nsfw.safetensors",
    size=11_793_716,
    sha256="8526835d4c14825353433362bf579323e164d8819bfd165b4cc8ccb2f26e5c93",
    levels=("nsfw",),
    # Yahoo: below 0.2 very likely safe, above 0.8 very likely not. Plain mid grey has 0.195.
    rules=_rules(("nsfw", 0.3), ("nsfw", 0.5), ("nsfw", 0.8)),
)

_NSFWJS = ClassifierSpec(
    name="nsfwjs",
    title="nsfwjs MobileNetV2-mid",
    licence="MIT",
    file="nsfwjs.safetensors",
    size=4_320_925,
    sha256="f718c3580028c0dad1b928de3a51ba509e396a2c56858f77f1c3ce1b264ebe0f",
    levels=("hentai", "porn", "sexy"),
    rules={
        "strict": (Rule("hentai", 0.3), Rule("porn", 0.5), Rule("sexy", 0.5)),
        "default": (Rule("hentai", 0.5), Rule("porn", 0.8)),
        "loose": (Rule("hentai", 0.8), Rule("porn", 0.95)),
    },
)

_LIGHT = ClassifierSpec(
    name="light",
    title="Marqo/nsfw-image-detection-384",
    licence="Apache-2.0",
    file="nsfw/marqo-nsfw-image-detection-384.safetensors",
    size=22_404_720,
    sha256="6bf2e0f64a1d20169736c2836e3a787b12379fdc08ba87f7d94a7a3d58eeefce",
    levels=("nsfw",),
    rules=_rules(("nsfw", 0.3), ("nsfw", 0.5), ("nsfw", 0.85)),
    url=_hub("Marqo/nsfw-image-detection-384", "0c26ec22111b83f106d72a55f611ec35962bcb65"),
)

_RECOMMENDED = ClassifierSpec(
    name="recommended",
    title="Freepik/nsfw_image_detector",
    licence="MIT",
    file="nsfw/freepik-nsfw-image-detector.safetensors",
    size=172_725_672,
    sha256="024a9d4818fae2656403bf626c9f8c9e7789c2da274749fbebb1060d8fdaa7ab",
    levels=("low", "medium", "high"),
    rules=_rules(("low", 0.5), ("medium", 0.5), ("high", 0.5)),
    url=_hub("Freepik/nsfw_image_detector", "15b85477e4fd2000db76ae9aae0f89a72f95e2e3"),
)

CLASSIFIERS: Mapping[str, ClassifierSpec] = {
    spec.name: spec for spec in (_OPEN_NSFW, _NSFWJS, _LIGHT, _RECOMMENDED)
}
