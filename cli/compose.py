"""`multiedit compose`: composite a LAYERS document."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .arguments import (
    add_command,
    add_output_options,
    encode_options,
    image_fetch,
    output_format,
    safety_settings,
)
from .output import progress_bar, require_output, write_result


def add_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "compose", compose, "composite a LAYERS document")
    parser.add_argument("document", metavar="DOC.json", help="see docs/layers.md")
    add_output_options(parser)


def compose(options: argparse.Namespace) -> None:
    from ..pipelines.common.settings import Limits
    from ..pipelines.common.validation import choice
    from ..pipelines.editing.compose_document import compose_document
    from ..pipelines.images.encode import EncodeOptions
    from ..pipelines.planning.request import OUTPUT_FORMATS

    require_output(options)
    limits = Limits.from_environment()
    name = choice(output_format(options) or "png", "--output-format", options=OUTPUT_FORMATS)
    settings = EncodeOptions(format=OUTPUT_FORMATS[name], **encode_options(options))
    safety = safety_settings(options)
    with progress_bar(options) as stage:
        file = compose_document(
            Path(options.document),
            limits,
            None if options.no_safe_mode else safety.loader(),
            settings,
            lambda share: stage("edit", share),
            safety.policy,
            image_fetch(limits),
        )
    details = {
        "media_type": file.media_type,
        "bytes": len(file.data),
        "safety": file.safety.to_dict(),
        "dropped_metadata": list(file.dropped_metadata),
        "notes": list(file.notes),
    }
    write_result(options, file, [file.media_type, *file.notes], details)
