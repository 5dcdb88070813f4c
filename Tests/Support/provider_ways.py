"""The ways of a login that the scripted provider knows beside the usual one: pushed requests, assertions, certificates,
answers by form or fragment, the ID token alone."""

import base64
import html
import json
import secrets
import time
from urllib.parse import unquote_plus, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from calls import Refused, Reply
from tokens import decode64, hmac_signature, token

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Ways:
    """What `ScriptedProvider` is made of besides its endpoints' usual answers."""

    def set_up_ways(self):
        self.client_keys = {}  # client -> public key that its assertions are under
        self.certified = {}  # client -> common name of its certificate
        self.assertions = []  # (header, claims) of those that were good
        self.sends_iss, self.posts_at_once = False, True
        self.pushed, self.pushes = {}, []

    # Who asks

    def client_of(self, call):
        """The client that a request proves to be: RFC 6749 section 2.3.1, RFC 7523, RFC 8705."""
        if "client_assertion" in call.form:
            return self._asserted(call)
        scheme, _, value = (call.fields.get("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            name, secret = unquote_plus(name), unquote_plus(secret)
            if "client_secret" in call.form:
                raise Refused("invalid_request", description="two ways of authentication")
        else:
            name, secret = call.form.get("client_id"), call.form.get("client_secret")
            if name in self.certified:
                subject = dict(pair for part in (call.certificate or {}).get("subject", ()) for pair in part)
                if subject.get("commonName") != self.certified[name]:
                    raise Refused("invalid_client", 401)
                return name
        if name not in self.clients or self.clients[name] != secret or name in self.client_keys:
            raise Refused("invalid_client", 401)
        return name

    def _asserted(self, call):
        head, body, signature = call.form["client_assertion"].split(".")
        header, claims = json.loads(decode64(head)), json.loads(decode64(body))
        name, signed, octets = claims["sub"], f"{head}.{body}".encode(), decode64(signature)
        try:
            assert call.form["client_assertion_type"] == ASSERTION
            assert "Authorization" not in call.fields and "client_secret" not in call.form
            assert claims["iss"] == name and call.form.get("client_id", name) == name
            assert self.issuer in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
            now = time.time()
            assert now - 60 < claims["iat"] < now + 60 and now < claims["exp"] <= now + 120
            assert claims["jti"] not in [c["jti"] for _, c in self.assertions], "an assertion is used once"
            if header["alg"] == "HS256":
                assert hmac_signature(self.clients[name])(signed) == octets
            else:
                _verify(self.client_keys[name], header["alg"], octets, signed)
        except Exception as fault:
            raise Refused("invalid_client", 401, f"{type(fault).__name__} {fault}") from fault
        self.assertions.append((header, claims))
        return name

    # Pushed requests, RFC 9126

    def par(self, call):
        client = self.client_of(call)
        if "request_uri" in call.form or call.form.get("client_id") != client:
            raise Refused("invalid_request")
        name = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(16)}"
        with self._lock:
            self.pushed[name] = dict(call.form)
            self.pushes.append(dict(call.form))
        return Reply(201, {"request_uri": name, "expires_in": 60})

    def asked_of(self, call):
        """The authorization request, wherever it came."""
        asked = call.query
        if "request_uri" not in asked:
            return asked
        assert set(asked) == {"client_id", "request_uri"}, f"more than a name: {sorted(asked)}"
        with self._lock:
            pushed = self.pushed.pop(asked["request_uri"], None)
        assert pushed and pushed["client_id"] == asked["client_id"], "unknown request_uri"
        return pushed

    # Answers to an authorization request

    def answer_by_mode(self, asked, parameters):
        """By query, fragment or form; with `state`, and `iss` where this provider says it."""
        if "state" in asked:
            parameters = {**parameters, "state": asked["state"]}
        if self.sends_iss and "iss" not in parameters:
            parameters["iss"] = self.issuer
        parameters = {n: v for n, v in parameters.items() if v is not None}
        mode = asked.get("response_mode") or ("fragment" if asked.get("response_type") == "id_token" else "query")
        if mode == "form_post":
            fields = "".join(
                f'<input type="hidden" name="{html.escape(n)}" value="{html.escape(v)}">' for n, v in parameters.items()
            )
            action = html.escape(asked["redirect_uri"])
            return Reply(200, f'<body onload="document.forms[0].submit()"><form method="post" action="{action}">{fields}')
        mark = "#" if mode == "fragment" else "?"
        location = f"{asked['redirect_uri']}{mark}{urlencode(parameters)}"
        return Reply(302, "", [("Location", location), ("Cache-Control", "no-store")])

    def id_token_at_once(self, asked):
        """For `response_type=id_token`: no code, and no access token."""
        claims = self.usual_claims(asked, asked["client_id"])
        if self.make_id_token:
            return self.make_id_token(claims)
        return token(self.key, self.claims(dict(claims)), self.header, self.sign)


def _verify(key, algorithm, signature, signed):
    digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(algorithm[-3:])
    if algorithm == "EdDSA":
        key.verify(signature, signed)
    elif algorithm.startswith("ES"):
        half = len(signature) // 2
        numbers = [int.from_bytes(part, "big") for part in (signature[:half], signature[half:])]
        key.verify(utils.encode_dss_signature(*numbers), signed, ec.ECDSA(digest()))
    elif algorithm.startswith("PS"):
        scheme = padding.PSS(padding.MGF1(digest()), salt_length=digest.digest_size)
        key.verify(signature, signed, scheme, digest())
    else:
        key.verify(signature, signed, padding.PKCS1v15(), digest())
