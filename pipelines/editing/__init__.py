"""The whole way of an edit: load, plan, run the adapter, screen, encode, save."""
