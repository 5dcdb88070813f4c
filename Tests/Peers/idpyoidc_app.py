"""The second real provider, as a program: idpyoidc 5.0.0 (an OpenID-certified library) behind a small Flask app.

    python idpyoidc_app.py SETTINGS.json

The library decides everything about the protocol; this file carries requests to it and answers back, and has the two
pages the library leaves to its user: the login form and the question whether to sign out.
"""

import json
import os
import sys
from html import escape
from pathlib import Path

from cryptojwt.key_jar import build_keyjar
from flask import Flask, Response, redirect, request
from idpyoidc.message.oauth2 import ResponseMessage
from idpyoidc.message.oidc import AuthorizationRequest
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.exception import FailedAuthentication

ROOM = "idpyoidc.server"
CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "public"]


def configuration(settings):
    """The library's configuration: code flow, PKCE required, rotating refresh tokens, RP-initiated logout."""
    signing = [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]
    secret_keys = [{"type": "OCT", "use": ["enc"], "kid": "enc"}, {"type": "OCT", "use": ["sig"], "kid": "sig"}]
    token = {"supports_minting": ["access_token", "refresh_token", "id_token"]}
    endpoint = lambda path, cls, **kwargs: {"path": path, "class": f"{ROOM}.{cls}", "kwargs": kwargs}
    return {
        "issuer": settings["issuer"],
        "httpc_params": {"verify": settings["ca"], "timeout": 5},
        "keys": {
            "key_defs": signing,
            "uri_path": "jwks",
            "private_path": "private.json",
            "public_path": "public.json",
            "read_only": False,
        },
        "preference": {
            "subject_types_supported": ["public"],
            "grant_types_supported": ["authorization_code", "refresh_token", "implicit"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256"],
        },
        "token_handler_args": {
            "jwks_def": {
                "private_path": "token.json",
                "read_only": False,
                "key_defs": [
                    {"type": "oct", "bytes": 24, "use": ["enc"], "kid": "code"},
                    {"type": "oct", "bytes": 24, "use": ["enc"], "kid": "refresh"},
                ],
            },
            "code": {"lifetime": 600},
            "token": {
                "class": f"{ROOM}.token.jwt_token.JWTToken",
                "kwargs": {"lifetime": settings["lifetime"], "aud": ["https://api.example.com"]},
            },
            "refresh": {
                "class": f"{ROOM}.token.jwt_token.JWTToken",
                "kwargs": {"lifetime": 86400, "aud": [settings["issuer"]]},
            },
            "id_token": {
                "class": f"{ROOM}.token.id_token.IDToken",
                "kwargs": {
                    "lifetime": 3600,
                    "base_claims": {"name": None, "email": None, "email_verified": None, "preferred_username": None},
                },
            },
        },
        "endpoint": {
            "provider_config": endpoint(
                ".well-known/openid-configuration",
                "oidc.provider_config.ProviderConfiguration",
                client_authn_method=None,
            ),
            "authorization": endpoint(
                "authorization",
                "oidc.authorization.Authorization",
                client_authn_method=None,
                response_types_supported=["code", "id_token"],
                response_modes_supported=["query", "form_post", "fragment"],
                claims_parameter_supported=True,
            ),
            "token": endpoint(
                "token", "oidc.token.Token", client_authn_method=CLIENT_AUTHENTICATION, revoke_refresh_on_issue=True
            ),
            "userinfo": endpoint("userinfo", "oidc.userinfo.UserInfo", client_authn_method=["bearer_header"], claim_types_supported=["normal"]),
            "end_session": endpoint(
                "session",
                "oidc.session.Session",
                logout_verify_url="verify_logout",
                post_logout_uri_path="post_logout",
                signing_alg="ES256",
                frontchannel_logout_supported=True,
                backchannel_logout_supported=True,
                frontchannel_logout_session_supported=True,
                backchannel_logout_session_supported=True,
            ),
        },
        "add_on": {
            "pkce": {
                "function": f"{ROOM}.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": True, "code_challenge_methods": {"S256": {}}},
            }
        },
        "authz": {
            "class": f"{ROOM}.authz.AuthzHandling",
            "kwargs": {
                "grant_config": {
                    "expires_in": 43200,
                    "usage_rules": {
                        "authorization_code": {**token, "max_usage": 1},
                        "access_token": {},
                        "refresh_token": token,
                    },
                }
            },
        },
        "authentication": {
            "user": {
                "acr": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
                "class": f"{ROOM}.user_authn.user.UserPassJinja2",
                "kwargs": {
                    "verify_endpoint": "verify/user",
                    "template": "login.jinja2",
                    "db": {"class": f"{ROOM}.util.JSONDictDB", "kwargs": {"filename": "passwords.json"}},
                },
            }
        },
        "cookie_handler": {
            "class": f"{ROOM}.cookie_handler.CookieHandler",
            "kwargs": {
                "keys": {"private_path": "cookies.json", "key_defs": secret_keys, "read_only": False},
                "name": {"session": "op", "register": "op_rp", "session_management": "op_sman"},
            },
        },
        "userinfo": {"class": f"{ROOM}.user_info.UserInfo", "kwargs": {"db": settings["users"]}},
        "template_dir": ".",
    }


LOGIN_PAGE = """<!doctype html><title>Sign in</title><form action="/{{ action }}" method="post">
<input type="hidden" name="token" value="{{ token }}">
<input name="username"><input name="password" type="password"><button>Sign in</button></form>"""

app = Flask(__name__)
server = None


def respond(endpoint, asked, arguments):
    """The library's answer as HTTP: a redirect, or a body with its status; and its cookies."""
    if "redirect_location" in arguments:
        return redirect(arguments["redirect_location"])
    if "http_response" in arguments:
        return Response(arguments["http_response"], 200)
    error = arguments.get("error", "")
    info = endpoint.do_response(request=asked, **{**dict(arguments), "error": error})
    placement = info.get("response_placement", endpoint.response_placement)
    if placement == "body":
        answer = Response(info["response"], info.get("response_code", 400 if error else 200))
    else:
        answer = redirect(info["response"])
    for name, value in info["http_headers"]:
        answer.headers[name] = value
    cookies = info.get("cookie", [])
    return with_cookies(answer, cookies if isinstance(cookies, list) else [cookies])


def with_cookies(answer, cookies):
    for cookie in cookies:
        more = {n: v for n, v in cookie.items() if n in ("value", "max_age")}
        answer.set_cookie(cookie["name"], path="/", samesite="Lax", secure=True, httponly=True, **more)
    return answer


def refused(error, status=400):
    return Response(
        json.dumps({"error": error}) if isinstance(error, str) else error.to_json(),
        status,
        content_type="application/json",
    )


def serve(name):
    """Carries the request at hand to one of the library's endpoints."""
    endpoint = server.get_endpoint(name)
    about = {
        "headers": {n.lower(): v for n, v in request.headers.items() if n.lower() not in ("cookie", "user-agent")},
        "method": request.method,
        "url": request.url,
        "cookie": [{"name": n, "value": v} for n, v in request.cookies.items()],
    }
    asked = request.args.to_dict() if request.method == "GET" else request.form.to_dict()
    try:
        asked = endpoint.parse_request(asked, http_info=about)
        if isinstance(asked, ResponseMessage) and "error" in asked:
            return refused(asked)
        arguments = endpoint.process_request(asked, http_info=about)
    except Exception as problem:
        app.logger.exception(name)
        kind = type(problem).__name__
        return refused("invalid_client", 401) if "Client" in kind else refused("invalid_request")
    if isinstance(arguments, ResponseMessage) and "error" in arguments:
        return refused(arguments)
    return respond(endpoint, asked, arguments)


@app.get("/.well-known/openid-configuration")
def discovery():
    return serve("provider_config")


@app.get("/jwks")
def jwks():
    return Response(server.get_context().keyjar.export_jwks_as_json(), content_type="application/json")


@app.post("/rotate")
def rotate():
    """Not the library's: from now on it signs with keys that nobody has seen yet, and the old ones are gone."""
    jar = server.get_context().keyjar
    fresh = build_keyjar([{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}])
    for owner in ("", server.get_context().issuer):
        jar._issuers.pop(owner, None)
        jar.import_jwks(fresh.export_jwks(private=True), owner)
    return "done"


@app.get("/authorization")
def authorization():
    return serve("authorization")


@app.post("/token")
def token():
    return serve("token")


@app.route("/userinfo", methods=["GET", "POST"])
def userinfo():
    return serve("userinfo")


@app.get("/session")
def end_session():
    return serve("session")


@app.post("/verify/user")
def verify_user():
    method = server.get_context().authn_broker.get_method_by_id("user")
    form = request.form.to_dict()
    try:
        name = method.verify(**form)
    except FailedAuthentication:
        name = None
    if not name:
        return Response("<!doctype html><h1>Wrong name or password</h1>", 403)
    about = method.unpack_token(form["token"])
    asked = AuthorizationRequest().from_urlencoded(about["query"])
    endpoint = server.get_endpoint("authorization")
    session = endpoint.create_session(asked, name, about["authn_class_ref"], about["iat"], method)
    arguments = endpoint.authz_part2(request=asked, session_id=session)
    if isinstance(arguments, ResponseMessage) and "error" in arguments:
        return refused(arguments)
    return respond(endpoint, asked, arguments)


@app.get("/verify_logout")
def verify_logout():
    return f"""<!doctype html><title>Sign out?</title><form action="/rp_logout" method="post">
        <input type="hidden" name="sjwt" value="{escape(request.args["sjwt"])}">
        <button name="logout" value="yes">Sign out everywhere</button></form>"""


@app.post("/rp_logout")
def rp_logout():
    endpoint = server.get_endpoint("session")
    about = endpoint.unpack_signed_jwt(request.form["sjwt"])
    frames = endpoint.do_verified_logout(alla="logout" in request.form, **about)
    if frames:
        return " ".join(frames) + f'<a href="{escape(about["redirect_uri"])}">on</a>'
    return with_cookies(redirect(about["redirect_uri"]), endpoint.kill_cookies())


@app.get("/post_logout")
def post_logout():
    return "<!doctype html><h1>Signed out</h1>"


def mend_sign_out():
    """Two slips of 5.0.0 at its end-session endpoint, put right from outside.

    It wants a client's token there, which a browser that signs out never has; and its own session cookie holds a
    session's plain key, where it expects the encrypted one.
    """
    server.get_endpoint("session").client_authentication = lambda *_, **__: {}
    sessions = server.get_context().session_manager
    look_up = sessions.get_session_info
    encrypted = lambda key: sessions.encrypted_branch_id(*sessions.unpack_branch_key(key)) if ";;" in key else key
    sessions.get_session_info = lambda session_id, *rest, **more: look_up(encrypted(session_id), *rest, **more)


def main(file):
    global server
    settings = json.loads(Path(file).read_text())
    os.chdir(settings["folder"])
    Path("login.jinja2").write_text(LOGIN_PAGE)
    Path("passwords.json").write_text(json.dumps(settings["passwords"]))
    server = Server(OPConfiguration(configuration(settings), base_path=settings["folder"]), cwd=settings["folder"])
    server.get_context().cdb.update(settings["clients"])
    for name, about in settings["clients"].items():
        if about.get("client_secret"):
            server.get_context().keyjar.add_symmetric(name, about["client_secret"])
        if settings.get("client_keys"):
            server.get_context().keyjar.import_jwks(settings["client_keys"], name)
    mend_sign_out()
    app.run("127.0.0.1", settings["port"], ssl_context=(settings["chain"], settings["key"]), threaded=True)


if __name__ == "__main__":
    main(sys.argv[1])
