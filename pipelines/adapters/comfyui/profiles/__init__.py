"""Profiles: which files make up a model, and how it is sampled."""
