"""Adapters carry a plan out, one file per model family."""
