"""Sentinel decides, at the moment credentials are asked for, whether an AWS credential may exist."""

__version__ = "0.1.0"
