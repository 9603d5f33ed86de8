"""HTTP entry point: the hosted API's routes and OpenAI's, on ComfyUI's server or on one of its own."""
