"""Closed models at the endpoint that the user configured."""
