"""Other libraries' clients under the same faults, with a drop-in under them: `python -m tests.clients`."""
