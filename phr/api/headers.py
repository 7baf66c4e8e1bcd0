"""What every answer tells a browser, errors too: shown here, it runs nothing, is framed by nobody and is not kept.

A page or a file that says something else of itself says it in its view. Source: OWASP REST Security Cheat Sheet,
section "Security Headers"; HSTS is RFC 6797.
"""

from __future__ import annotations

from flask import Flask, Response

from phr.api.installation import installation

ALWAYS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
UNLESS_SAID = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONLY_TLS = "max-age=31536000"  # one year; not for subdomains, of which we know nothing


def install(app: Flask) -> None:
    """Has them in each answer of the application."""
    app.after_request(_guarded)


def _guarded(response: Response) -> Response:
    said = {name.lower() for name, _ in response.headers}
    for name, value in ALWAYS.items():
        response.headers[name] = value
    for name, value in UNLESS_SAID.items():
        if name.lower() not in said:
            response.headers.add(name, value)
    if installation().issuer.startswith("https://"):
        response.headers["Strict-Transport-Security"] = ONLY_TLS
    return response
