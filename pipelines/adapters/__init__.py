"""Adapters carry a plan out: here, on ComfyUI, or at a provider."""
