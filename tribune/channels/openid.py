"""Sign-in through OpenID Connect (Core 1.0, code flow, PKCE). Implements tribune.ports.identity.IdentityProvider.

The provider's addresses come from its discovery document, which must name the issuer that the settings name; its keys
from there too. Both are kept for an hour; an unknown key id asks for the keys anew. Signatures are checked with
asymmetric algorithms only, claims by authlib. All goes through the guarded transport: private networks where settings
allow them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx

from tribune.channels.guarded_transport import GuardedTransport
from tribune.domain.errors import InvalidInput, SourceError
from tribune.domain.identity import Identity
from tribune.domain.staff_members import new_token
from tribune.ports.clock import Clock
from tribune.ports.identity import Begun

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
KEPT_SECONDS = 3_600
LEEWAY_SECONDS = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OpenIdProvider:
    """`issuer` as the provider writes itself; `groups_claim`: where it tells a person's groups."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str],
        groups_claim: str,
        allowed_private_networks: Iterable[str],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._scope = " ".join(scopes)
        self._groups_claim = groups_claim
        self._clock = clock
        self._transport = transport or GuardedTransport(
            allowed_private_networks=allowed_private_networks, setting="staff.oidc"
        )
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def begin(self, redirect_uri: str) -> Begun:
        """See the port."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        state, nonce, verifier = new_token(), new_token(), new_token()
        address = prepare_grant_uri(
            self._described()["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(str(address), state, nonce, verifier)

    def finish(self, code: str, redirect_uri: str, nonce: str, verifier: str, issuer: str = "") -> Identity:
        """See the port."""
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        if issuer and issuer != self._issuer:
            raise _not_held("it comes from another provider")
        token = self._token(code, redirect_uri, verifier)
        try:
            claims = self._claims(token, nonce)
            if "email" not in claims and "userinfo_endpoint" in self._described():
                claims |= self._more_claims(str(token["access_token"]), str(claims["sub"]))
        except (JoseError, AuthlibBaseError, ValueError, KeyError, TypeError) as error:
            raise _not_held(type(error).__name__) from None
        groups = claims.get(self._groups_claim)
        return Identity(
            issuer=self._issuer,
            subject=str(claims["sub"]),
            address=str(claims.get("email") or ""),
            address_verified=claims.get("email_verified") in (True, "true"),
            name=" ".join(str(claims.get("name") or "").split())[:120],
            groups=frozenset(map(str, groups)) if isinstance(groups, list) else frozenset(),
        )

    def _token(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """What the provider gives for a code (RFC 6749, 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        basic: httpx.Auth | None = None
        if self._client_secret:  # both parts are form-encoded first (RFC 6749, 2.3.1)
            basic = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._client_secret))
        else:
            form["client_id"] = self._client_id
        try:
            with self._client() as client:
                answer = client.post(
                    self._described()["token_endpoint"], data=form, auth=basic or httpx.USE_CLIENT_DEFAULT
                )
                told = answer.json() if answer.status_code == 200 else None
        except httpx.HTTPError as error:
            raise self._away(error) from None
        except ValueError:
            told = None
        if not isinstance(told, dict) or "id_token" not in told:
            raise _not_held(f"the code was not taken ({answer.status_code})")
        return told

    def _claims(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """What the ID token says, once signature, issuer, audience, times and nonce hold."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        told = str(token["id_token"])

        def read(keys: dict[str, Any]) -> Any:
            return jwt.decode(told, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]

        try:
            decoded = read(self._keys())
        except (JoseError, ValueError):  # the provider may have new keys
            decoded = read(self._keys(anew=True))
        asked = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
            "sub": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, asked, params)
        if nonce != decoded.claims.get("nonce"):
            raise ValueError("nonce")
        claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_SECONDS)
        return dict(decoded.claims)

    def _more_claims(self, access_token: str, subject: str) -> dict[str, Any]:
        """What the provider tells of somebody beside the token; only if it is of the same person (5.3.2)."""
        try:
            with self._client() as client:
                bearer = {"authorization": f"Bearer {access_token}"}
                answer = client.get(self._described()["userinfo_endpoint"], headers=bearer)
        except httpx.HTTPError as error:
            raise self._away(error) from None
        told = answer.json() if answer.status_code == 200 else {}
        return told if isinstance(told, dict) and told.get("sub") == subject else {}

    def _client(self) -> httpx.Client:
        return httpx.Client(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            headers={"accept": "application/json"},
        )

    def _described(self) -> dict[str, Any]:
        """The discovery document. Raises SourceError."""
        told = self._fetched(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self._issuer:
            raise SourceError("The provider names itself otherwise.", where=self._issuer, hint="Correct issuer.")
        for name in (*_ENDPOINTS, "userinfo_endpoint"):
            address = told.get(name, "" if name in _ENDPOINTS else None)
            if address is not None and (
                not isinstance(address, str) or urlsplit(address).scheme not in ("https", urlsplit(self._issuer).scheme)
            ):
                raise SourceError(f"The provider's {name} is no https address.", where=self._issuer)
        return told

    def _keys(self, *, anew: bool = False) -> dict[str, Any]:
        return self._fetched(self._described()["jwks_uri"], anew=anew)

    def _fetched(self, address: str, *, anew: bool = False) -> dict[str, Any]:
        with self._lock:
            now = self._clock.monotonic()
            kept = self._kept.get(address)
            if kept is not None and now - kept[0] < KEPT_SECONDS and not (anew and now - kept[0] >= 1):
                return dict(kept[1])
            try:
                with self._client() as client:
                    answer = client.get(address)
                    told = answer.json() if answer.status_code == 200 else None
            except (httpx.HTTPError, ValueError) as error:
                raise self._away(error) from None
            if not isinstance(told, dict):
                raise SourceError(f"The provider answered {answer.status_code}.", where=address)
            self._kept[address] = (now, told)
            return dict(told)

    def _away(self, error: Exception) -> SourceError:
        return SourceError(f"The provider cannot be reached: {type(error).__name__}.", where=self._issuer)


def _not_held(why: str) -> InvalidInput:
    return InvalidInput(f"What the provider says does not hold: {why}.")
