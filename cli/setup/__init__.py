"""`sentinel init wizard`: questions, what comes of the answers, and what is left for people to do."""
