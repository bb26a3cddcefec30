"""Drop-ins: what goes beneath a client that is there already."""
