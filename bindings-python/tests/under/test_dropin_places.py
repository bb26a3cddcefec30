"""The origin and the path of a request's URL."""

from __future__ import annotations

import pytest

from unruffled._under.drop_in import DropIn


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://api.example.com/a/b?c=/d#/e", "https://api.example.com", "/a/b"),
        ("https://api.example.com/a#b?c", "https://api.example.com", "/a"),
        ("https://api.example.com", "https://api.example.com", ""),
        ("https://api.example.com?a=/b", "https://api.example.com", ""),
        ("https://api.example.com#/b", "https://api.example.com", ""),
        ("http://a/b", "http://a", "/b"),
        ("http://a", "http://a", ""),
        ("HTTPS://API.example.com:443/", "https://api.example.com", "/"),
        ("http://user:secret@a:80/b", "http://a", "/b"),
        ("http://a:8080/b", "http://a:8080", "/b"),
        ("https://[2001:DB8::1]:8443/b", "https://[2001:db8::1]:8443", "/b"),
    ],
)
def test_origin_and_path_of_a_url(url: str, origin: str, path: str) -> None:
    assert DropIn({}).place_of(url) == (origin, path)
