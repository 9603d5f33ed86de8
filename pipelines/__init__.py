"""Everything that computes. Nothing here imports a face (nodes, api, cli) or ComfyUI."""
