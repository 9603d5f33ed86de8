"""What each model takes, makes and costs: one JSON file and its typed look-up."""
