"""The core's boundary, its codes, and the exceptions of policies and calls."""
