"""Rows that change together or not at all: what approvals and emergencies are kept in."""
