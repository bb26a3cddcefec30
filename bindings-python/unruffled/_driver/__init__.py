"""The loop over the core's steps, and what a call is while it runs. Knows no HTTP library."""
