"""The graph face: ComfyUI nodes (V3 schema). Imported by ComfyUI only; nothing here computes."""
