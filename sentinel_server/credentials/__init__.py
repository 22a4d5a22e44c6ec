"""Profiles, base credentials and the second hop that turns them into a session."""
