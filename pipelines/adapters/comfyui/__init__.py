"""Generative edits: a plan becomes a ComfyUI graph, which is plain data."""
