"""idpyoidc, started for a test: see idpyoidc_app.py for what runs.

Users alice and bob (password `<name>-password`; the names are no valid base64, which would break its single
sign-on). A refresh token takes scope offline_access and prompt=consent. Clients are given when it starts.
"""

import json
import ssl
import sys
import urllib.request
from pathlib import Path

from waiting import Process, free_port

# Four letters or eight are valid base64; five are not.
USERS = {
    name: {
        "sub": name,
        "name": f"{name.title()} Example",
        "email": f"{name}@example.com",
        "email_verified": True,
        "preferred_username": name,
    }
    for name in ("alice", "robin")
}


class IdPyOIDC:
    """Running until `stop`. `clients` are names to (secret or None, redirect URI, signed-out URI, back-channel logout URI);
    `more` are properties of all of them, and `client_keys` a key set that they share."""

    def __init__(self, folder, certificates, clients, access_token_lifetime=3600, client_keys=None, **more):
        self.folder, self._certificates = Path(folder), certificates
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}"
        chain, key = certificates.issue("localhost")
        settings = self.folder / "settings.json"
        settings.write_text(
            json.dumps(
                {
                    "issuer": self.issuer,
                    "folder": str(self.folder),
                    "port": self.port,
                    "chain": str(chain),
                    "key": str(key),
                    "ca": str(certificates.ca),
                    "lifetime": access_token_lifetime,
                    "users": USERS,
                    "passwords": {name: f"{name}-password" for name in USERS},
                    "clients": {name: {**_client(name, *about), **more} for name, about in clients.items()},
                    "client_keys": client_keys,
                }
            )
        )
        app = Path(__file__).with_name("idpyoidc_app.py")
        self.process = Process([sys.executable, app, settings], self.folder / "output").listens(self.port, deadline=20)

    def change_key(self):
        """Signs with other keys from now on."""
        context = ssl.create_default_context(cafile=self._certificates.ca)
        request = urllib.request.Request(f"{self.issuer}/rotate", method="POST")
        urllib.request.urlopen(request, context=context).read()

    def stop(self):
        self.process.stop()

    def sign_in(self, browser, page, user, password=None):
        """Fills in the login form; the page at the end of the way back."""
        return browser.submit(page, {"username": user, "password": password or f"{user}-password"})

    def sign_out(self, browser, page):
        """Says yes to the question; the page it leads on to."""
        return browser.submit(page)


def _client(name, secret, redirect_uri, signed_out_uri, logged_out_uri):
    return {
        "client_id": name,
        "redirect_uris": [[redirect_uri, None]],
        "post_logout_redirect_uris": [[signed_out_uri, None]],
        "post_logout_redirect_uri": [signed_out_uri, None],
        "backchannel_logout_uri": logged_out_uri,
        "backchannel_logout_session_required": True,
        "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
        "client_salt": "salted",
        "client_authn_method": ["client_secret_basic", "client_secret_post", "none", "bearer_header"]
        if secret
        else ["public", "none", "bearer_header"],
        "response_types_supported": ["code"],
        "response_types": ["code"],
        "id_token_signed_response_alg": "RS256",
        "allowed_scopes": ["openid", "profile", "email", "offline_access"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        **({"client_secret": secret} if secret else {}),
    }
