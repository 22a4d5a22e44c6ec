"""Emergencies: access that one person takes, and others review afterwards."""
