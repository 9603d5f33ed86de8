"""The models, with their inputs, sizes and prices: one JSON file and its typed look-up."""
