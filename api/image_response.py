"""The response with an edited image: its bytes, and the contract's headers."""

from __future__ import annotations

from aiohttp import web

from .backends.base import EditJobResult


def image_headers(result: EditJobResult) -> dict[str, str]:
    """Return the contract's headers for an edited image."""
    return {
        "x-venice-model-id": result.model,
        "x-venice-model-name": result.model_name,
        "x-venice-is-blurred": "true" if result.blurred else "false",
        # Safe mode blurs what it finds; no other policy here could be violated.
        "x-venice-is-content-violation": "false",
    }


def image_response(result: EditJobResult) -> web.Response:
    """Return the image's bytes, with their content type."""
    return web.Response(body=result.data, content_type=result.media_type, headers=image_headers(result))
