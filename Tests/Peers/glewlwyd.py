"""glewlwyd, the first real provider: started with a fresh sqlite database, and set up through its own API.

Users alice and bob (password `<name>-password`), a confidential client, a public one, scopes openid, profile, email
and offline_access. Serves https with the test CA. `sign_in` is what its login page's script does, call by call.
"""

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from browser import Browser, origin_of
from waiting import Process, free_port

SHARE = Path("/usr/share/glewlwyd")
SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
ADMINISTRATOR = {"username": "admin", "password": "password"}  # as the schema makes it

CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="https://localhost:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="{webapp}"
cookie_domain="localhost"
cookie_secure=1
session_key="GLEWLWYD2_SESSION_ID"
session_expiration=2419200
log_mode="file"
log_level="WARNING"
log_file="{folder}/glewlwyd.log"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="/usr/lib/glewlwyd/user_middleware"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=true
secure_connection_key_file="{key}"
secure_connection_pem_file="{chain}"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{folder}/glewlwyd.db"; }};
static_files_mime_types = (
  {{ extension = ".html"; mime_type = "text/html"; }}, {{ extension = ".css"; mime_type = "text/css"; }},
  {{ extension = ".js"; mime_type = "application/javascript"; }}, {{ extension = ".json"; mime_type = "application/json"; }}
)
"""


def signing_key(algorithm):
    """What its OpenID module signs with: a new key."""
    tool = lambda *words, input=None: subprocess.run(
        ["openssl", *words], input=input, check=True, capture_output=True, text=True
    ).stdout
    kind, curve = {"RS256": ("rsa", None), "PS256": ("rsa-pss", None), "ES256": ("ecdsa", "prime256v1")}[algorithm]
    private = tool("ecparam", "-genkey", "-noout", "-name", curve) if curve else tool("genrsa", "2048")
    public = tool("pkey", "-pubout", input=private)
    return {"jwt-type": kind, "jwt-key-size": "256", "key": private, "cert": public}


class Glewlwyd:
    """Running until `stop`. `issuer` is what goes into the gateway's configuration."""

    def __init__(self, folder, certificates, access_token_lifetime=3600, signing="RS256", **parameters):
        """`parameters` are added to those of its OpenID module."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.origin = f"https://localhost:{self.port}"
        self.issuer = f"{self.origin}/api/oidc"
        self.lifetime = access_token_lifetime
        self._certificates = certificates
        self._start()
        self._admin = Browser(ca=certificates)
        self._parameters = parameters
        self._set_up(signing)

    def _start(self):
        # Debian links config.json to a directory, which leaves the login page dead: serve a copy with the real file.
        webapp = self.folder / "webapp"
        shutil.copytree(
            SHARE / "webapp", webapp, ignore=shutil.ignore_patterns("config.json"), ignore_dangling_symlinks=True
        )
        shutil.copy(SHARE / "templates/config.json", webapp / "config.json")
        with sqlite3.connect(self.folder / "glewlwyd.db") as database:
            database.executescript(SCHEMA.read_text())
        chain, key = self._certificates.issue("localhost")
        configuration = self.folder / "glewlwyd.conf"
        configuration.write_text(
            CONFIGURATION.format(port=self.port, folder=self.folder, webapp=webapp, key=key, chain=chain)
        )
        self.process = Process(["/usr/bin/glewlwyd", "-c", configuration], self.folder / "output").listens(self.port)

    def stop(self):
        self.process.stop()

    def _call(self, method, path, value=None, expect=(200,)):
        page = self._admin.fetch(
            f"{self.origin}/api{path}",
            method,
            json.dumps(value).encode() if value is not None else None,
            {"Content-Type": "application/json"},
        )
        assert page.status in expect, f"glewlwyd: {method} {path}: {page.status} {page.text}"
        return page.json if page.content and page.media_type == "application/json" else None

    def _set_up(self, signing):
        self._call("POST", "/auth/", ADMINISTRATOR)
        self._module = {
            "module": "oidc",
            "name": "oidc",
            "display_name": "OpenID",
            "enabled": True,
            "parameters": {
                "iss": self.issuer,
                **signing_key(signing),
                "access-token-duration": self.lifetime,
                "refresh-token-duration": 86400,
                "code-duration": 600,
                "refresh-token-rolling": False,
                "refresh-token-one-use": "always",
                "allow-non-oidc": False,
                "auth-type-code-enabled": True,
                "auth-type-code-revoke-replayed": True,
                "auth-type-refresh-enabled": True,
                "auth-type-token-enabled": False,
                "auth-type-password-enabled": False,
                "auth-type-client-enabled": False,
                "auth-type-implicit-enabled": False,
                "pkce-allowed": True,
                "pkce-method-plain-allowed": False,
                "pkce-required": True,
                "subject-type": "public",
                "scope": [],
                "name-claim": "on-demand",
                "name-claim-scope": ["profile"],
                "email-claim": "on-demand",
                "email-claim-scope": ["email"],
                "scope-claim": "no",
                "claims": [],
                "additional-parameters": [],
                "jwks-show": True,
                "allowed-scope": ["openid"],
                "session-management-allowed": True,
                "session-cookie-name": "GLEWLWYD2_OIDC_SID",
                "session-cookie-expiration": 86400,
                "front-channel-logout-allowed": True,
                "back-channel-logout-allowed": True,
                "oauth-as-iss-id": True,
                # What else it reads of a client, and where.
                "request-parameter-allow": True,
                "request-maximum-exp": 3600,
                "client-pubkey-parameter": "pubkey",
                "encrypt-out-token-allow": True,
                **{f"client-{name}-parameter": name for name in ("alg", "enc", "encrypt_id_token")},
                **self._parameters,
            },
        }
        self._call("POST", "/mod/plugin/", self._module)
        for scope in ("profile", "email", "offline_access"):
            self._call(
                "POST",
                "/scope/",
                {"name": scope, "display_name": scope, "description": scope, "password_required": False, "scheme": {}},
            )
        for user in ("alice", "bob"):
            self._call(
                "POST",
                "/user/",
                {
                    "username": user,
                    "name": f"{user.title()} Example",
                    "email": f"{user}@example.com",
                    "enabled": True,
                    "password": f"{user}-password",
                    "scope": ["openid", "profile", "email", "offline_access"],
                },
            )
        # The client module must know the properties a client of OpenID Connect has.
        module = self._call("GET", "/mod/client/database")
        one = {"multiple": False, "read": True, "write": True}
        for name in (
            "token_endpoint_auth_method",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "frontchannel_logout_uri",
            "frontchannel_logout_session_required",
            "backchannel_logout_session_required",
            "pubkey",
            "alg",
            "enc",
            "encrypt_id_token",
        ):
            module["parameters"]["data-format"][name] = {
                **one,
                "multiple": name in ("post_logout_redirect_uris", "token_endpoint_auth_method"),
            }
        self._call("PUT", "/mod/client/database", module)
        self._call("PUT", "/mod/client/database/reset")

    def change_key(self, signing="RS256"):
        """Signs with another key from now on; the one before is gone from its key set."""
        self._module["parameters"].update(signing_key(signing))
        self._call("PUT", "/mod/plugin/oidc", self._module)
        self._call("PUT", "/mod/plugin/oidc/reset")

    def register(self, client, secret, redirect_uri, signed_out_uri=None, logged_out_uri=None, **more):
        """A client; without a secret, a public one. `more` are properties of it."""
        self._call(
            "POST",
            "/client/",
            {
                "client_id": client,
                "name": client,
                "enabled": True,
                "confidential": secret is not None,
                **({"client_secret": secret} if secret else {}),
                "password": secret or "",
                "redirect_uri": [redirect_uri],
                "authorization_type": ["code", "refresh_token"],
                "scope": [],
                "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"] if secret else ["none"],
                **({"post_logout_redirect_uris": [signed_out_uri]} if signed_out_uri else {}),
                **({"backchannel_logout_uri": logged_out_uri} if logged_out_uri else {}),
                **more,
            },
        )

    def sign_in(self, browser, page, user, password=None):
        """Goes on from glewlwyd's login page as its script does; the page at the end of the way back.

        A refused password ends it: then the answer to the password is what comes back.
        """
        asked = parse_qs(urlsplit(page.url).query)
        assert page.status == 200 and urlsplit(page.url).path.endswith(
            "/login.html"
        ), f"not the login page: {page.status} {page.url}"
        call = lambda method, path, value: browser.fetch(
            f"{origin_of(page.url)}/api{path}",
            method,
            json.dumps(value).encode() if value is not None else None,
            {"Content-Type": "application/json"},
            of=page.url,
        )
        answer = call("POST", "/auth/", {"username": user, "password": password or f"{user}-password"})
        if answer.status != 200:
            return answer
        client, scopes = asked["client_id"][0], asked["scope"][0]
        offered = call("GET", f"/auth/grant/{client}/{quote(scopes)}", None)
        assert offered.status == 200, offered.text
        granted = call("PUT", f"/auth/grant/{client}", {"scope": scopes})
        assert granted.status == 200, granted.text
        schemes = call("GET", f"/auth/scheme/?scope={quote(scopes)}", None)
        assert schemes.status == 200, schemes.text
        onward = asked["callback_url"][0]
        return browser.click(page, f"{onward}{'&' if '?' in onward else '?'}g_continue")

    def sign_out(self, browser, page):
        """Goes on from the question whether to sign out, as its script does; the page it leads on to."""
        asked = parse_qs(urlsplit(page.url).query)
        assert asked.get("prompt") == ["end_session"], f"not the question: {page.status} {page.url}"
        onward = asked["post_redirect_to"][0]
        session = f"/{asked['plugin'][0]}/session/{asked['sid'][0]}/{asked['client_id'][0]}?post_redirect_to={quote(onward, safe='')}"
        known = browser.fetch(f"{self.origin}/api{session}", of=page.url)
        assert known.status == 200 and known.json.get(
            "post_redirect_to"
        ), f"glewlwyd does not know it: {known.status} {known.text}"
        # At all of the session's clients, which are told by the back channel.
        everywhere = f"{self.origin}/api/{asked['plugin'][0]}/session/{asked['sid'][0]}"
        ended = browser.fetch(everywhere, "DELETE", of=page.url)
        assert ended.status == 200, f"{ended.status} {ended.text}"
        gone = browser.fetch(f"{self.origin}/api/auth/", "DELETE", of=page.url)
        assert gone.status == 200, gone.text
        return browser.click(page, asked["callback_url"][0])
