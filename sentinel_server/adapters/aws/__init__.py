"""AWS behind our ports."""
