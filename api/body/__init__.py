"""A request's body: received, bounded and parsed."""
