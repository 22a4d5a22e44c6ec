"""What this machine keeps for its user: access keys, their temporary sessions, seeds of one-time codes."""
