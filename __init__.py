"""multi-edit: layered image editing for ComfyUI, for the shell and over HTTP.

This file imports nothing: pytest, ComfyUI and the command line all import it, and only ComfyUI, which
calls `comfy_entrypoint`, may pay for loading the nodes.
"""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # type: ignore[no-untyped-def]  # ComfyUI's type is there only inside ComfyUI
    from .nodes.registry import MultiEditExtension

    return MultiEditExtension()
