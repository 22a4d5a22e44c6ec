"""Proving who one is a second time: codes from an authenticator, and codes that are sent."""
