"""What every folder below shares: errors, settings, validation, threads, files."""
