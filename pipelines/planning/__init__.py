"""A request becomes a plan: roles, size, model and price are decided, and nothing is decoded."""
