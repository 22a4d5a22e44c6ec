"""An embedded AWS, as strict as the real one where it matters, for demos and tests."""
