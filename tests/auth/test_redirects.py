"""Which addresses a client may register, and which of a request's are one of them."""

import pytest

from phr.auth import redirects
from phr.errors import InputInvalid


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/cb",
        "https://app.example:8443/cb?from=phr",
        "http://127.0.0.1/cb",
        "http://[::1]:5000/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
    ],
)
def test_address_that_can_be_kept_safe_is_taken(uri: str) -> None:
    assert redirects.check(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/cb",
        "app.example/cb",
        "http://app.example/cb",
        "https:///cb",
        "https://app.example/cb#x",
        "https://app.example/cb#",
        "https://*.app.example/cb",
        "https://user@app.example/cb",
        "https://app.example:port/cb",
        "https://app.example/c b",
        "https://app.example/\ncb",
        "https://äpp.example/cb",
        "https://app.example/" + "x" * 512,
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "com.example.app://host/cb",
        "ftp://app.example/cb",
    ],
)
def test_address_that_can_not_is_refused(uri: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        redirects.check(uri)
    assert refused.value.pointer == "/redirect_uri"


@pytest.mark.parametrize(
    ("uri", "is_ours"),
    [
        ("https://app.example/cb", True),
        ("https://app.example/cb/", False),
        ("https://app.example/cb?x=1", False),
        ("https://app.example/cb#x", False),
        ("https://app.example/CB", False),
        ("https://APP.example/cb", False),
        ("https://app.example:443/cb", False),
        ("https://app.example/x/../cb", False),
        ("https://app.example.evil.example/cb", False),
        ("https://app.example@evil.example/cb", False),
        ("http://app.example/cb", False),
        ("http://127.0.0.1/here", True),
        ("http://127.0.0.1:51004/here", True),
        ("http://127.0.0.1:51004/there", False),
        ("http://127.0.0.1:80@evil.example/here", False),
        ("http://127.0.0.1:80\\@evil.example/here", False),
        ("http://localhost:51004/here", False),
        ("https://127.0.0.1:51004/here", False),
        ("http://[::1]:9/here", False),
        ("", False),
    ],
)
def test_only_the_very_same_address_is_registered(uri: str, is_ours: bool) -> None:
    known = ["https://app.example/cb", "http://127.0.0.1/here"]
    assert redirects.is_registered(uri, known) is is_ours
