"""Plain HTTPS to places that are not AWS."""
