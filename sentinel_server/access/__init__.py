"""The gate: gather facts, decide, record, and only then issue."""
