"""Server sessions: who holds one, whether it may still be served, and how it is cut off."""
