"""How the core is reached: its boundary, its codes, and the errors that a policy or a call raises."""
