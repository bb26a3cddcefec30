"""One attempt by an HTTP library: its connections, its faults, its bodies."""
