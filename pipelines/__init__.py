"""Everything that computes. Nothing here imports an entry point (nodes, api, cli) or ComfyUI."""
