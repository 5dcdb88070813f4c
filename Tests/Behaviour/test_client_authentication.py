"""Every way of proving the client, at every endpoint that asks for it."""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from encryption import pem
from gateway import command, config_for
from provider import Reply, ScriptedProvider
from refusals import refused
from tokens import claims_of
from waiting import until

SECRET = "a secret of at least thirty-two octets"


@pytest.fixture
def site(provider, upstream, run, tmp_path):
    """Starts a gateway whose client proves itself as told; `files` are written beside its configuration."""

    def start(files=(), issuer=provider, **settings):
        for name, text in dict(files).items():
            (tmp_path / name).write_text(text)
        place = {
            name: {"file": str(tmp_path / value)} if name == "client_key" else value for name, value in settings.items()
        }
        scopes = ["openid", "offline_access"]
        routes = [
            {"path": "/api", "token": "access_token", "upstream": "site"},
            {"path": "/*", "upstream": "site"},
        ]
        config = config_for(issuer, {"site": upstream}, routes, provider={"scopes": scopes, **place})
        return run(config)

    return start


def signs_in_and_out(gateway, provider):
    """A login, a refresh, and a revocation: each proves the client anew."""
    provider.expires_in = 1
    browser = gateway.browser()
    assert browser.open(gateway.at("/")).status == 200
    import time

    time.sleep(1.1)
    assert browser.fetch(gateway.at("/api")).status == 200
    page = browser.open(gateway.at("/.auth/logout"))
    browser.submit(page)
    assert provider.grants("refresh_token"), "the token was renewed"


KEYS = [
    ("RSA", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), None, "RS256"),
    ("RSA where PSS is announced", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), ["PS256"], "PS256"),
    ("P-256", lambda: ec.generate_private_key(ec.SECP256R1()), None, "ES256"),
    ("P-384", lambda: ec.generate_private_key(ec.SECP384R1()), None, "ES384"),
    ("Ed25519", ed25519.Ed25519PrivateKey.generate, None, "EdDSA"),
]


@pytest.mark.parametrize("what, make, announced, algorithm", KEYS, ids=[k[0] for k in KEYS])
def test_a_private_key_signs_an_assertion_of_its_kind(site, provider, what, make, announced, algorithm):
    key = make()
    provider.client_keys["gatehouse"] = key.public_key()
    if announced:
        provider.metadata["token_endpoint_auth_signing_alg_values_supported"] = announced
    gateway = site(
        {"client.key": pem(key)},
        client_authentication="private_key_jwt",
        client_key="client.key",
        client_key_id="our-key",
        client_secret=None,
    )
    signs_in_and_out(gateway, provider)
    assert len(provider.assertions) >= 2
    assert {(header["alg"], header["kid"]) for header, _ in provider.assertions} == {(algorithm, "our-key")}
    assert all(claims["aud"] == provider.issuer for _, claims in provider.assertions)


def test_the_secret_signs_an_assertion(site, provider):
    provider.clients["gatehouse"] = SECRET
    gateway = site(client_authentication="client_secret_jwt", client_secret=SECRET)
    signs_in_and_out(gateway, provider)
    assert {header["alg"] for header, _ in provider.assertions} == {"HS256"}
    assert not any(SECRET in call.content.decode() for call in provider.calls_of("token"))


@pytest.mark.parametrize(
    "written, audience",
    [(None, lambda p: p.issuer), ("token_endpoint", lambda p: p.issuer + "/token"), ("https://other.test/x", lambda p: "https://other.test/x")],
    ids=["usual", "token endpoint", "a text"],
)
def test_an_assertion_is_addressed_as_configured(site, provider, written, audience):
    provider.clients["gatehouse"] = SECRET
    provider.metadata["issuer"] = provider.issuer
    more = {"client_assertion_audience": written} if written else {}
    gateway = site(client_authentication="client_secret_jwt", client_secret=SECRET, **more)
    gateway.browser().open(gateway.at("/page"))
    form = provider.calls_of("token")[0].form
    assert claims_of(form["client_assertion"])["aud"] == audience(provider)
    assert form["client_id"] == "gatehouse", "some providers look for the name there alone"


def test_by_post_and_as_a_public_client(site, provider, run):
    gateway = site(client_authentication="client_secret_post")
    signs_in_and_out(gateway, provider)
    provider.clients["gatehouse"] = None
    public = site(client_authentication="none", client_secret=None)
    signs_in_and_out(public, provider)
    assert "client_secret" not in provider.calls_of("token")[-1].form


def test_a_key_that_the_provider_does_not_know_is_refused_with_a_reason(site, provider, upstream):
    provider.client_keys["gatehouse"] = ec.generate_private_key(ec.SECP256R1()).public_key()
    gateway = site(
        {"client.key": pem(ec.generate_private_key(ec.SECP256R1()))},
        client_authentication="private_key_jwt",
        client_key="client.key",
        client_secret=None,
    )
    reason, entry = refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)
    assert reason == "client-refused" and "credentials" in entry["cause"]


# By certificate, RFC 8705


@pytest.fixture
def asking_for_certificates(certificates):
    """Two faces of one provider: a plain one, and one that asks clients for a certificate."""
    plain = ScriptedProvider(tls=certificates.server_context(), host="localhost")
    context = certificates.server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificates.ca)
    mutual = ScriptedProvider(tls=context, host="localhost")
    mutual.codes, mutual.refresh_tokens = plain.codes, plain.refresh_tokens
    mutual.clients = plain.clients = {"gatehouse": None}
    mutual.certified = {"gatehouse": "gatehouse"}
    mutual.claims = lambda claims: {**claims, "iss": plain.issuer}
    yield plain, mutual
    plain.stop()
    mutual.stop()


@pytest.mark.parametrize("alias", [True, False], ids=["at its alias", "at the endpoint itself"])
def test_a_certificate_is_shown_in_tls(site, asking_for_certificates, certificates, upstream, alias):
    plain, mutual = asking_for_certificates
    aliases = {"token_endpoint": f"{mutual.issuer}/token", "revocation_endpoint": f"{mutual.issuer}/revoke"}
    plain.metadata = {"mtls_endpoint_aliases": aliases} if alias else aliases
    chain, key = certificates.issue("gatehouse")
    gateway = site(
        issuer=plain,
        client_authentication="tls_client_auth",
        client_key=str(key),
        client_certificate=str(chain),
        client_secret=None,
        ca_file=str(certificates.ca),
    )
    browser = gateway.browser(ca=certificates)
    assert browser.open(gateway.at("/")).status == 200
    assert mutual.count("token") == 1 and plain.count("token") == 0
    assert mutual.calls_of("token")[0].form["client_id"] == "gatehouse"


def test_a_certificate_of_somebody_else_is_refused(site, asking_for_certificates, certificates, upstream):
    plain, mutual = asking_for_certificates
    plain.metadata = {"token_endpoint": f"{mutual.issuer}/token"}
    chain, key = certificates.issue("stranger")
    gateway = site(
        issuer=plain,
        client_authentication="tls_client_auth",
        client_key=str(key),
        client_certificate=str(chain),
        client_secret=None,
        ca_file=str(certificates.ca),
    )
    reason, _ = refused(gateway.browser(ca=certificates).open(gateway.at("/")), gateway, upstream, 502)
    assert reason == "client-refused"


def test_check_says_what_is_missing(tmp_path):
    config = config_for("https://login.example.com", {"site": "http://127.0.0.1:1"})
    from gateway import yaml

    for method, words in [
        ("client_secret_jwt", "needs 32"),
        ("private_key_jwt", "client_key: is required"),
        ("tls_client_auth", "client_certificate: is required"),
    ]:
        config["provider"]["client_authentication"] = method
        file = tmp_path / "gatehouse.yaml"
        file.write_text(yaml(config) + "\n")
        done = command("check", "--config", file)
        assert done.returncode == 1 and words in done.stdout, done.stdout


# Pushed authorization requests, RFC 9126


def offers_pushing(provider, **more):
    provider.metadata.update(pushed_authorization_request_endpoint=f"{provider.issuer}/par", **more)


def test_a_request_is_pushed_where_that_is_offered(site, provider):
    offers_pushing(provider)
    gateway = site()
    for _ in range(2):
        browser = gateway.browser()
        begun = browser.open(gateway.at("/page"), follow=False)
        assert begun.status == 303
        sent = {n: v[0] for n, v in parse_qs(urlsplit(begun.location).query).items()}
        assert set(sent) == {"client_id", "request_uri"}
        assert browser.open(begun.location).status == 200
    first, second = provider.pushes
    assert first["state"] != second["state"] and first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == gateway.at("/.auth/callback") and first["client_id"] == "gatehouse"


def test_a_pushed_request_is_authenticated_like_a_token_request(site, provider):
    offers_pushing(provider, require_pushed_authorization_requests=True)
    key = ec.generate_private_key(ec.SECP256R1())
    provider.client_keys["gatehouse"] = key.public_key()
    gateway = site(
        {"client.key": pem(key)}, client_authentication="private_key_jwt", client_key="client.key", client_secret=None
    )
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert len(provider.assertions) == 2, "one for each request, never the same"


FAILURES = [
    ("it is down", lambda call: Reply(503, ""), 503, "provider-unavailable"),
    ("it refuses", lambda call: Reply(400, {"error": "invalid_request"}), 502, "provider-response-invalid"),
    ("it does not know us", lambda call: Reply(401, {"error": "invalid_client"}), 502, "client-refused"),
    ("it gives no name", lambda call: Reply(201, {"expires_in": 60}), 502, "provider-response-invalid"),
    ("it gives HTML", lambda call: Reply(201, "<h1>ok</h1>"), 502, "provider-response-invalid"),
    ("it redirects", lambda call: Reply(302, "", [("Location", "/elsewhere")]), 502, "provider-response-invalid"),
]


@pytest.mark.parametrize("what, answer, status, code", FAILURES, ids=[f[0] for f in FAILURES])
def test_a_push_that_fails_is_a_page_where_it_is_required(site, provider, upstream, what, answer, status, code):
    offers_pushing(provider, require_pushed_authorization_requests=True)
    provider.on["par"] = answer
    gateway = site()
    reason, _ = refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, status)
    assert reason == code and provider.count("authorize") == 0


def test_a_push_that_fails_is_done_without_where_it_is_only_offered(site, provider):
    offers_pushing(provider)
    provider.on["par"] = lambda call: Reply(404, "")
    gateway = site()
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert gateway.until_logged("pushed-request-skipped")
    assert "code_challenge" in provider.calls_of("authorize")[0].query


def test_pushing_can_be_switched_off(site, provider):
    offers_pushing(provider)
    gateway = site(pushed_authorization_requests="never")
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert provider.count("par") == 0


@pytest.mark.parametrize("is_required", [True, False], ids=["required", "offered"])
def test_a_crowd_at_a_slow_provider_has_an_end(site, provider, is_required):
    """Each visitor costs a push: 64 are under way at most, and the others are not kept waiting."""
    provider.metadata["pushed_authorization_request_endpoint"] = provider.issuer + "/par"
    provider.metadata["require_pushed_authorization_requests"] = is_required
    release = threading.Event()
    provider.on["par"] = lambda call: release.wait(8) and None
    gateway = site()

    def visit(_):
        fields = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"]
        return gateway.ask("GET", "/page", *fields).status

    with ThreadPoolExecutor(100) as pool:
        visits = [pool.submit(visit, n) for n in range(100)]
        until(lambda: sum(v.done() for v in visits) >= 36, "those beyond 64 are answered")
        assert provider.count("par") == 64
        early = [v.result() for v in visits if v.done()]
        release.set()
        late = [v.result() for v in visits]
    assert set(early) == ({503} if is_required else {303}) and late.count(303) >= 64
