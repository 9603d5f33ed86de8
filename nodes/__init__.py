"""Graph entry point: ComfyUI nodes (V3 schema). Imported by ComfyUI only; nothing here computes."""
