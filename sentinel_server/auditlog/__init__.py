"""The record of every decision, chained so that edits show."""
