"""Requests for access that policy gives only when somebody else agrees."""
