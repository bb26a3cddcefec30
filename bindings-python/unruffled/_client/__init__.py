"""This package's clients: verbs, URLs, requests, and the hosts that send them by httpx2."""
