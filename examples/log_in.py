"""How an app logs a person in: authorization code with PKCE (RFC 8252). Prints the access token, and nothing else.

    python3 examples/log_in.py http://127.0.0.1:8080 CLIENT_ID [SCOPE]

Needs Python alone. The client is a public one whose redirect URI is http://127.0.0.1/cb; the port may be any.
"""

import base64
import hashlib
import json
import secrets
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

SCOPE = "profile.read readings.read timeline.read"
SAID = "You can close this window and go back to the terminal."


def main(server: str, client_id: str, scope: str = SCOPE) -> int:
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with HTTPServer(("127.0.0.1", 0), Catcher) as here:
        here.caught = {}
        redirect_uri = f"http://127.0.0.1:{here.server_port}/cb"
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = f"{server}/oauth/authorize?{urlencode(asked)}"
        print(f"Log in here: {address}", file=sys.stderr, flush=True)
        webbrowser.open(address)
        while not here.caught:
            here.handle_request()
        told = here.caught
    if told.get("state") != state or told.get("iss") != server:
        print("an answer that was not asked for", file=sys.stderr)
        return 1
    if "code" not in told:
        print(f"not allowed: {told.get('error')}", file=sys.stderr)
        return 1
    form = {
        "grant_type": "authorization_code",
        "code": told["code"],
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "code_verifier": verifier,
    }
    with urlopen(f"{server}/oauth/token", urlencode(form).encode(), timeout=30) as answer:  # noqa: S310 - the address that was typed
        print(json.load(answer)["access_token"])
    return 0


class Catcher(BaseHTTPRequestHandler):
    """Takes the answer that the browser brings, and leaves other requests (an icon, say) alone."""

    def do_GET(self):
        parts = urlsplit(self.path)
        is_answer = parts.path == "/cb"
        if is_answer:
            self.server.caught = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = SAID.encode() if is_answer else b""
        self.send_response(200 if is_answer else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The token alone is printed."""


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1].rstrip("/"), *sys.argv[2:]))
