"""The routes, and what each one does with a request."""
