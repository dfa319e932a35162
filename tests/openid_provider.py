"""A small OpenID Connect provider on 127.0.0.1: it signs with real keys, and lies where a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from tests.web_site import QuietServer
from tribune.ports.clock import Clock

CLIENT, SECRET = "tribune", "a secret / of the+client"


@cache
def first_key() -> RSAKey:
    """The key that providers begin with: making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """Who is signed in there (`claims`), and what the provider does wrong: `lie` changes the ID token's claims,
    `signs_with` and `algorithm` how it is signed."""

    clock: Clock
    claims: dict[str, Any] = field(default_factory=dict)
    lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    userinfo: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: first_key())
    signs_with: RSAKey | OctKey | None = None
    algorithm: str = "RS256"
    issuer: str = ""
    named: str = ""
    """How the discovery document names the issuer, where not as it is."""

    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, address: str) -> str:
        """What the browser does there: sign in, and come back to this address with a code."""
        told = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert told["response_type"] == "code" and told["client_id"] == CLIENT
        assert told["code_challenge_method"] == "S256" and "openid" in told["scope"].split()
        code = secrets.token_hex(8)
        self._codes[code] = told
        return f"{told['redirect_uri']}?{urlencode({'code': code, 'state': told['state'], 'iss': self.issuer})}"

    def answer(self, path: str, headers: dict[str, str], body: str) -> tuple[int, dict[str, Any]]:
        """One of its addresses."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.named or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)  # type: ignore[return-value]
        if path == "/userinfo":
            return (200, self.userinfo) if headers.get("authorization") == "Bearer access" else (401, {})
        if path == "/token":
            return self._token(headers, {name: values[0] for name, values in parse_qs(body).items()})
        return 404, {}

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        told = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        shown = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).decode()
        if shown != f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}":
            return 401, {"error": "invalid_client"}
        if (
            told is None
            or form["redirect_uri"] != told["redirect_uri"]
            or challenge.rstrip(b"=").decode() != told["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": told["nonce"],
            **self.claims,
        }
        key = self.signs_with or self.key
        header = {"alg": self.algorithm, "kid": key.kid}
        if self.algorithm == "none":
            parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, self.lie(claims)))
            token = b".".join(part.rstrip(b"=") for part in parts).decode() + "."
            return 200, {"access_token": "access", "token_type": "Bearer", "id_token": token}
        token = jwt.encode(header, self.lie(claims | self.claims), key, algorithms=[self.algorithm])
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": token}


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size).decode()
            status, told = provider.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            sent = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None: ...

    server = QuietServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
