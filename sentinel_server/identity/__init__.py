"""Who is asking, and the stamp that says so on every AWS session."""
