"""Bytes to tensor and back: header probe, decode, colour, resample, encode, metadata."""
