"""Networks that score images, and the store of their weights."""
