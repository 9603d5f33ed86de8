"""HTTP entry point: the contract's routes and OpenAI's, on ComfyUI's server or a standalone one."""
