"""The response with an edited image: its bytes, and the contract's headers."""

from __future__ import annotations

from aiohttp import web

from ..pipelines.editing.pipeline import EditResult


def image_headers(result: EditResult) -> dict[str, str]:
    """Return the contract's headers for an edited image."""
    return {
        "x-venice-model-id": result.plan.model,
        "x-venice-model-name": result.plan.model_name,
        "x-venice-is-blurred": "true" if result.blurred else "false",
        # Safe mode blurs what it finds; no other policy here could be violated.
        "x-venice-is-content-violation": "false",
    }


def image_response(result: EditResult) -> web.Response:
    """Return the image's bytes, with their content type."""
    file = result.file
    return web.Response(body=file.data, content_type=file.media_type, headers=image_headers(result))
