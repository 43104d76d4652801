"""``/api/auth``: sign-in providers, user info, keys. Source: Backstage auth-backend 0.30, recorded answers."""

from __future__ import annotations

from typing import Sequence

from starlette.responses import Response

from callboard.kernel.auth.providers import SignInAttempt
from callboard.kernel.auth.service import Auth
from callboard.kernel.errors import AuthenticationError, InputError
from callboard.kernel.web.cookies import clear_cookie
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route


class RefreshFailed(AuthenticationError):
    """Nobody is signed in by this provider."""

    code = "auth.refresh_failed"


def auth_routes(auth: Auth) -> Sequence[Route]:
    """Routes of the auth plugin."""
    wire = _AuthWire(auth)
    refresh = "/api/auth/{provider}/refresh"
    token_answer = {
        "200": {"description": "{profile, backstageIdentity}"},
        "401": {"description": "Nobody is signed in."},
    }
    return [
        Route(
            refresh, wire.refresh, ("GET", "POST"), auth="public", csrf=False, name="auth-refresh",
            openapi={"summary": "A user token for whoever is signed in by this provider", "responses": token_answer},
        ),
        Route("/api/auth/{provider}/start", wire.start, auth="public", name="auth-start"),
        Route("/api/auth/{provider}/logout", wire.logout, ("POST",), auth="public", csrf=False, name="auth-logout"),
        Route("/api/auth/.well-known/jwks.json", wire.jwks, auth="public", name="auth-jwks"),
        Route("/api/auth/.well-known/openid-configuration", wire.openid_configuration, auth="public", name="auth-openid"),
        Route("/api/auth/v1/userinfo", wire.userinfo, auth="cookie", errors="backstage", name="auth-userinfo"),
    ]  # fmt: skip


class _AuthWire:
    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def refresh(self, request: Request) -> Response:
        provider = self._auth.get_provider(request.path_params["provider"])
        client = request.client.host if request.client else None
        identity = await provider.refresh(SignInAttempt(dict(request.query_params), client))
        if identity is None:
            raise RefreshFailed("Refresh failed")
        issued, refs = await self._auth.issue_user_token(identity)
        answer = {
            "profile": dict(identity.profile),
            "backstageIdentity": {
                "token": issued.token,
                "identity": {"type": "user", "userEntityRef": identity.user_ref, "ownershipEntityRefs": refs},
                "expiresInSeconds": issued.expires_in_s,
            },
        }
        return Json(answer, headers={"cache-control": "no-store"})

    async def start(self, request: Request) -> Response:
        provider = self._auth.get_provider(request.path_params["provider"])
        if provider.start_url is None:
            return Empty(404)
        return Response(b"", 302, {"location": provider.start_url})

    async def logout(self, request: Request) -> Response:
        """Ends the browser's session. The header shows that a script of ours asks: no other site can set it."""
        self._auth.get_provider(request.path_params["provider"])
        if request.headers.get("x-requested-with") != "XMLHttpRequest":
            raise AuthenticationError("Invalid X-Requested-With header")
        response = Empty(200)
        session_id = self._auth.session_id_of(request.scope)
        if session_id is not None:
            await self._auth.sign_out(session_id)
            clear_cookie(response, self._auth.settings, self._auth.cookie_name)
        return response

    async def jwks(self, request: Request) -> Response:
        return Json({"keys": await self._auth.tokens.user_keys.public_keys()})

    async def openid_configuration(self, request: Request) -> Response:
        issuer = self._auth.settings.issuer
        return Json(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/v1/token",
                "userinfo_endpoint": f"{issuer}/v1/userinfo",
                "jwks_uri": f"{issuer}/.well-known/jwks.json",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [
                    "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA",
                ],
                "scopes_supported": ["openid"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "claims_supported": ["sub", "ent"],
                "grant_types_supported": ["authorization_code"],
                "authorization_endpoint": f"{issuer}/v1/authorize",
                "code_challenge_methods_supported": ["S256", "plain"],
            }
        )  # fmt: skip

    async def userinfo(self, request: Request) -> Response:
        if not request.actor.is_user:
            raise InputError("Userinfo endpoint must be called with a token that represents a user principal")
        claims = await self._auth.find_userinfo(request.actor.subject)
        if claims is None:
            return Response("User info not found", 404, media_type="text/plain")
        return Json({"claims": claims})
