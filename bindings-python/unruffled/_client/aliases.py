"""Names of options in requests, httpx and aiohttp, and the names of the same options here.

`tests/aliases.json` is the table of all languages; a test compares this one with it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Options of a call.
CALL: dict[str, str] = {
    "params": "query",
    "searchParams": "query",
    "search_params": "query",
    "qs": "query",
    "args": "query",
    "data": "form or json",
    "files": "content",
    "timeout": "deadline",
    "timeouts": "deadline",
    "body": "content",
    "raw": "content",
    "json_data": "json",
    "form_data": "form",
    "path_params": "path",
    "url_params": "path",
    "raise_for_status": "raise_",
    "raise_error": "raise_",
    "check": "raise_",
    "auth": "the client's credentials",
    "header": "headers",
    "cookies": "headers",
    "proxies": "the client's proxy",
    "proxy": "the client's proxy",
    "verify": "the client's verify",
    "cert": "the client's cert",
    "allow_redirects": "the client's follow_redirects",
    "follow_redirects": "the client's follow_redirects",
    "stream": "client.stream(…)",
    "retries": "retry.attempts in the policy",
    "max_retries": "retry.attempts in the policy",
    "key": "idempotency_key",
}
#: Options of a client.
CLIENT: dict[str, str] = {
    "retries": "retry.attempts in the policy",
    "max_retries": "retry.attempts in the policy",
    "retry": "retry in the policy",
    "timeout": "timeouts in the policy",
    "params": "query in the policy",
    "baseUrl": "base_url",
    "baseURL": "base_url",
    "prefix_url": "base_url",
    "prefixUrl": "base_url",
    "token": "credentials",
    "api_key": "credentials",
    "bearer": "credentials",
    "correlation": "correlation_id",
    "proxies": "proxy",
    "session": "transport",
    "allow_redirects": "follow_redirects",
}


def unknown(name: str, known: Iterable[str], aliases: dict[str, str]) -> str:
    """Returns the error text for an option that does not exist."""
    meant = aliases.get(name)
    if meant is None:
        near = difflib.get_close_matches(name, known, 1)
        meant = near[0] if near else None
    if meant is None:
        return f"{name}: unknown option; the options are {', '.join(sorted(known))}"
    return f"{name}: unknown option; did you mean {meant}?"
