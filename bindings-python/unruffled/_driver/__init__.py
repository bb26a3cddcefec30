"""The loop over the core's steps, and the state of a call while it runs. Knows no HTTP library."""
