"""Our own clients: verbs, URLs, requests, and the hosts that send them by httpx2."""
