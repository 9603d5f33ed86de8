"""A LAYERS document in a JSON file to a finished image file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..common.settings import Limits
from ..common.types import OnProgress
from ..images.encode import EncodeOptions
from ..layers.composite import composite
from ..layers.document import parse_document
from ..layers.document_file import read_document
from ..safety.classifiers.classifier import ClassifierLoader
from ..safety.policy import DEFAULT_POLICY, Policy
from ..safety.screening import require_classifier, require_safe
from ..sources.source import Fetch, refuse_url
from .output import EncodedImage, encode_result, screen_image


def compose_document(
    path: Path,
    limits: Limits,
    classifier: ClassifierLoader | None,
    options: EncodeOptions,
    progress: OnProgress = lambda share: None,
    policy: Policy = DEFAULT_POLICY,
    fetch: Fetch = refuse_url,
) -> EncodedImage:
    """Read a document and its images, composite them, check the result and encode it.

    Args:
        classifier: of safe mode; None switches it off.
        fetch: gets the images that are http or https URLs.

    Raises:
        MultiEditError: any of the tree; nothing is left behind.
    """
    if classifier is not None:
        require_classifier(classifier, policy)  # a missing one must not cost the composite
    read = read_document(path, limits, fetch)
    if classifier is not None and policy.inputs:
        for position, item in enumerate(read["layers"], start=1):
            require_safe(item["image"], classifier, policy, f"layers.{position}.image")
    image, layers, notes = _composited(read, limits, progress)
    del read  # the inputs do not outlive the result
    image, report = screen_image(image, classifier, policy)
    size = {"width": image.shape[2], "height": image.shape[1], "layers": layers}
    file = encode_result(image, report, options, {"document": size}, {})
    return replace(file, notes=notes)


def _composited(
    read: dict[str, Any], limits: Limits, progress: OnProgress
) -> tuple[Tensor, int, tuple[str, ...]]:
    """The result, the number of layers, and the notes on their files."""
    document = parse_document(read, limits)
    image = composite(document, read.get("background"), progress)
    return image, len(document.layers), read["notes"]
