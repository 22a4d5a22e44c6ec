"""What can be proved about a policy without asking it: which requests reach which rule, and which cannot."""
