"""The sources of bytes: a file, an upload, base64, a data URL or a guarded fetch."""
