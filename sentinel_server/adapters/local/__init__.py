"""This machine's disk, processes and configuration behind our ports."""
