"""What other people's clients make of the same faults with one line of ours under them: `python -m tests.clients`."""
