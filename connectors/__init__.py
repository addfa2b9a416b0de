"""Where data lives: bindings, PostgreSQL, all SQL."""
