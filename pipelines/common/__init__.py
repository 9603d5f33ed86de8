"""The ground that every folder below shares: errors, settings, validation, threads, files."""
