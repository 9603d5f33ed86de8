"""Safe mode: classifiers, their weights, obscuring and the report."""
