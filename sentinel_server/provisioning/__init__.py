"""The tables we need, what is missing, and who may do what to them."""
