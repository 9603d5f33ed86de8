"""OpenAPI of the routes, and the page that shows it."""
