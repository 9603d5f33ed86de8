"""A LAYERS document in a JSON file to a finished picture file."""

from __future__ import annotations

from pathlib import Path

from ..common.settings import Limits
from ..images.encode import EncodeOptions
from ..layers.composite import Progress, composite
from ..layers.document import parse_document
from ..layers.document_file import read_document
from ..safety.classifiers.classifier import ClassifierLoader
from ..safety.policy import DEFAULT_POLICY, Policy
from ..safety.screening import require_classifier
from .output import Finished, encoded, screened


def compose_document(
    path: Path,
    limits: Limits,
    classifier: ClassifierLoader | None,
    options: EncodeOptions,
    progress: Progress = lambda share: None,
    policy: Policy = DEFAULT_POLICY,
) -> Finished:
    """Read a document and its pictures, composite them, check the result and encode it.

    Args:
        classifier: of safe mode; None switches it off.

    Raises:
        MultiEditError: any of the tree; nothing is left behind.
    """
    if classifier is not None:
        require_classifier(classifier, policy)  # a missing one must not cost the composite
    read = read_document(path, limits)
    document = parse_document(read, limits)
    image = composite(document, read.get("background"), progress)
    image, report = screened(image, classifier, policy)
    size = {"width": document.width, "height": document.height, "layers": len(document.layers)}
    return encoded(image, report, options, {"document": size}, {})
