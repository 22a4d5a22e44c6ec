"""What a policy says and what it means for one request."""
