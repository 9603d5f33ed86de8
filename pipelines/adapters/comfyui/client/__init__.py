"""HTTP client of a ComfyUI: its address, its models, jobs and their events."""
