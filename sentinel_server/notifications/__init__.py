"""Telling people and programs what became of requests and emergencies."""
