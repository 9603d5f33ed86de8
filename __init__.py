"""multi-edit: layered image editing for ComfyUI, for the shell and over HTTP.

This file imports nothing: pytest, ComfyUI and the command line all import it, and only
ComfyUI may pay for loading the nodes. The graph nodes register themselves here when they exist.
"""
