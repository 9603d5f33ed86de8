"""What carries an edit out for the API."""
