"""One line under a requests session: its requests are retried, paced and given up as the policy says.

pip install requests unruffled
API_URL=https://api.example.com python requests_session.py
"""

import os

import requests

import unruffled

BASE = os.environ["API_URL"]
POLICY = {
    "baseUrl": {"env": "API_URL"},
    "timeouts": {"attempt": "10s", "total": "30s"},
    "idempotency": {"header": "Idempotency-Key"},
}

with requests.Session() as session:
    session.mount(BASE, unruffled.requests.Adapter(POLICY))
    response = session.get(f"{BASE}/orders/7")
    response.raise_for_status()
    print(response.json())
    print(unruffled.explain(response))
