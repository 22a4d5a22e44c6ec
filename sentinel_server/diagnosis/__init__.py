"""What is wrong with a set-up: facts that adapters found, and what they mean to whoever has to mend it."""
