"""The backends that run the edits of the API: this process, or ComfyUI servers."""
