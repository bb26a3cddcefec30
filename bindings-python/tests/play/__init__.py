"""How scenarios, vectors and faults are played through the package."""
