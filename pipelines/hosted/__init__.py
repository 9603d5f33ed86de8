"""The closed models: edits by the hosted endpoint that the user has configured, and by no other."""
