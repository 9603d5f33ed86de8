"""Packs of several results."""

from __future__ import annotations

from multiedit.pipelines.editing.archive import Pack
from multiedit.pipelines.editing.output import EncodedImage


def pack(*files: EncodedImage) -> EncodedImage:
    """A pack of results, in this order."""
    made = Pack()
    for file in files:
        made.add(file)
    return made.finish()
