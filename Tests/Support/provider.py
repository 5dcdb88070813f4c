"""A scripted OpenID provider: right by itself, wrong wherever a test says so.

It signs everyone in at once as `subject` (no login form: real providers are in Tests/Peers), checks what a relying
party sends (redirect URI, client authentication, PKCE, codes and refresh tokens used once), and counts what it is
asked. `on[NAME] = function(call)` replaces an endpoint's answer; `claims`, `header` and `sign` bend the ID token.
"""

import contextlib
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

from calls import Call, Refused, Reply
from provider_ways import Ways
from tokens import SigningKey, claims_of, half_hash, s256, token

_keys = {}


def shared_key(kid="key-1", algorithm="RS256"):
    """Making a key is slow: one of a kind serves the whole run."""
    return _keys.setdefault((kid, algorithm), SigningKey(kid, algorithm))


class ScriptedProvider(Ways):
    """Serves until `stop`; `start` again serves on the same port with the same memory."""

    PATHS = {
        "/.well-known/openid-configuration": "discovery",
        "/jwks": "jwks",
        "/authorize": "authorize",
        "/token": "token",
        "/userinfo": "userinfo",
        "/logout": "logout",
        "/revoke": "revoke",
        "/par": "par",
    }

    def __init__(self, tls=None, host="127.0.0.1", start=True, port=0):
        self.tls, self.host, self.port = tls, host, port
        self.clients = {"gatehouse": "s3cret/with:odd&chars"}  # None: a public client
        self.redirect_uris = None  # None: any
        self.subject, self.user = "alice-id", {
            "email": "alice@example.com",
            "email_verified": True,
            "name": "Alice Example",
            "preferred_username": "alice",
            "groups": ["readers", "writers"],
        }
        self.key = shared_key()
        self.keys = [self.key]
        self.expires_in, self.id_token_lifetime = 3600, 3600
        self.gives_refresh_tokens, self.rotates = True, True
        self.on, self.metadata = {}, {}
        self.claims = lambda claims: claims  # bends the ID token's claims
        self.header, self.sign = {}, None  # of the ID token
        self.make_id_token = None  # replaces it altogether
        self.calls, self.codes, self.refresh_tokens, self.access_tokens = [], {}, {}, []
        self._lock = threading.RLock()
        self.set_up_ways()
        self._server, self._connections = None, set()
        if start:
            self.start()

    # Its life

    @property
    def issuer(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def start(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                provider._answer(self, Call(self, content))

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def setup(self):
                provider._connections.add(self.request)
                super().setup()

            def finish(self):
                provider._connections.discard(self.request)
                super().finish()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 256

            def handle_error(self, *_):
                pass  # a gateway that hangs up is a test's business

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        if self.tls:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            for connection in list(self._connections):  # kept-alive ones would go on being served
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def count(self, name):
        with self._lock:
            return sum(1 for n, _ in self.calls if n == name)

    def calls_of(self, name):
        with self._lock:
            return [call for n, call in self.calls if n == name]

    def grants(self, grant):
        return [call for call in self.calls_of("token") if call.form.get("grant_type") == grant]

    # Answering

    def _answer(self, handler, call):
        name = self.PATHS.get(call.path)
        with self._lock:
            self.calls.append((name or call.path, call))
        try:
            reply = self.on[name](call) if name in self.on else None
            reply = reply or (getattr(self, name)(call) if name else Reply(404, "no such page"))
        except Refused as refused:
            reply = refused.reply
        if reply.raw is not None:
            handler.close_connection = True
            with contextlib.suppress(OSError):  # a gateway need not hear it to its end
                handler.wfile.write(reply.raw)
                handler.wfile.flush()
                handler.connection.shutdown(socket.SHUT_WR)
            return
        content = reply.content
        handler.send_response(reply.status)
        for field, value in reply.fields:
            handler.send_header(field, value)
        handler.send_header("Content-Type", reply.media_type)
        handler.send_header("Content-Length", str(len(content)))
        if reply.cut is not None:
            handler.end_headers()
            handler.wfile.write(content[: reply.cut])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        handler.end_headers()
        handler.wfile.write(content)

    def discovery(self, call):
        at = self.issuer
        document = {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/jwks",
            "userinfo_endpoint": f"{at}/userinfo",
            "end_session_endpoint": f"{at}/logout",
            "revocation_endpoint": f"{at}/revoke",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "offline_access"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
        document.update(self.metadata)
        return Reply(200, {n: v for n, v in document.items() if v is not None})

    def jwks(self, call):
        return Reply(200, {"keys": [key.jwk for key in self.keys]})

    def authorize(self, call):
        """Signs in at once, and sends the browser back."""
        asked = self.asked_of(call)
        assert asked.get("client_id") in self.clients, "unknown client"
        if self.redirect_uris is not None and asked.get("redirect_uri") not in self.redirect_uris:
            return Reply(400, "<h1>redirect_uri is not registered</h1>")
        if asked.get("response_type") == "id_token":
            return self.send_back(asked, id_token=self.id_token_at_once(asked))
        code = secrets.token_urlsafe(24)
        with self._lock:
            self.codes[code] = dict(asked)
        return self.send_back(asked, code=code)

    def send_back(self, asked, **parameters):
        """The way back to the relying party, with its `state`."""
        return self.answer_by_mode(asked, parameters)

    def token(self, call):
        client = self.client_of(call)
        grant = call.form.get("grant_type")
        if grant == "authorization_code":
            with self._lock:
                asked = self.codes.pop(call.form.get("code"), None)
            if not asked or asked["client_id"] != client or asked["redirect_uri"] != call.form.get("redirect_uri"):
                raise Refused("invalid_grant")
            challenge, verifier = asked.get("code_challenge"), call.form.get("code_verifier")
            if challenge and (not verifier or s256(verifier) != challenge):
                raise Refused("invalid_grant", description="PKCE does not hold")
            return self.tokens(asked, client)
        if grant == "refresh_token":
            with self._lock:
                asked = self.refresh_tokens.get(call.form.get("refresh_token"))
                if asked and self.rotates:
                    del self.refresh_tokens[call.form["refresh_token"]]
            if not asked:
                raise Refused("invalid_grant")
            return self.tokens(asked, client, is_refresh=True)
        raise Refused("unsupported_grant_type")

    def tokens(self, asked, client, is_refresh=False):
        """What the token endpoint gives for a good grant."""
        now = int(time.time())
        access = token(
            self.key,
            {
                "iss": self.issuer,
                "sub": self.subject,
                "aud": "https://api.example.com",
                "client_id": client,
                "scope": asked.get("scope", ""),
                "iat": now,
                "exp": now + self.expires_in,
                "jti": secrets.token_urlsafe(8),
            },
            {"typ": "at+jwt"},
        )
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": self.expires_in}
        with self._lock:
            self.access_tokens.append(access)
            if self.gives_refresh_tokens and "offline_access" in asked.get("scope", "").split():
                answer["refresh_token"] = f"refresh-{secrets.token_urlsafe(24)}"
                self.refresh_tokens[answer["refresh_token"]] = asked
        claims = {**self.usual_claims({} if is_refresh else asked, client), "at_hash": half_hash(access, self.key.algorithm)}
        bent = self.claims(dict(claims))
        if self.make_id_token:
            answer["id_token"] = self.make_id_token(claims)
        else:
            answer["id_token"] = token(self.key, bent, self.header, self.sign)
        return Reply(200, {n: v for n, v in answer.items() if v is not None}, [("Cache-Control", "no-store")])

    def usual_claims(self, asked, client):
        """Of an ID token that nothing is wrong with."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": client,
            "iat": now,
            "exp": now + self.id_token_lifetime,
            "auth_time": now,
            **self.user,
        }
        return {**claims, "nonce": asked["nonce"]} if "nonce" in asked else claims

    def userinfo(self, call):
        bearer = (call.fields.get("Authorization") or "").partition(" ")[2]
        if bearer not in self.access_tokens:
            return Reply(401, {"error": "invalid_token"})
        return Reply(200, {"sub": claims_of(bearer)["sub"], **self.user})

    def logout(self, call):
        target = call.query.get("post_logout_redirect_uri")
        if not target:
            return Reply(200, "<h1>Signed out at the provider</h1>")
        state = f"?{urlencode({'state': call.query['state']})}" if "state" in call.query else ""
        return Reply(302, "", [("Location", target + state)])

    def revoke(self, call):
        with self._lock:
            self.refresh_tokens.pop(call.form.get("token"), None)
        return Reply(200, "")
