"""The command line: words in, one call, a value out."""
