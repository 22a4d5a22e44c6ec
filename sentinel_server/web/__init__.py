"""The loopback server that speaks the container-credentials protocol."""
