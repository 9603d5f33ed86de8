"""The routes, one file a subject: handlers, body formats and descriptions; `table` lists them all."""
