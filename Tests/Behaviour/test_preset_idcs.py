"""`preset: idcs`: what Oracle's identity domains do differently, and nothing looser than that."""

import json
import time

import pytest

from gateway import config_for
from provider import Reply
from tokens import claims_of, token

SHARED = "https://identity.oraclecloud.com/"


@pytest.fixture
def provider(provider):
    """As an identity domain answers: a shared issuer, audiences of its own, claims of its own."""
    provider.metadata.update(
        {
            "issuer": SHARED,
            "code_challenge_methods_supported": None,
            "revocation_endpoint": None,
            "end_session_endpoint": f"{provider.issuer}/logout",
        }
    )
    provider.claims = lambda c: {
        **c,
        "iss": SHARED,
        "aud": [SHARED, "gatehouse"],
        "azp": "gatehouse",
        "tok_type": "IT",
        "user_id": "d5d5",
        "sid": "s1",
        "authn_strength": "1",
        "user_tenantname": "idcs-0123",
    }
    return provider


def idcs(provider, upstream, **more):
    return config_for(provider, {"site": upstream}, provider={"preset": "idcs", **more})


def test_a_login_at_an_identity_domain(run, provider, upstream):
    gateway = run(idcs(provider, upstream))
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert upstream.last.one("X-Forwarded-User") == "alice-id"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.test/"},
        {"aud": [SHARED]},
        {"aud": [SHARED, "gatehouse", "https://other.test"]},
        {"azp": "other"},
        {"tok_type": "AT"},
        {"nonce": "x"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_the_preset_opens_nothing_else(run, provider, upstream, change):
    gateway = run(idcs(provider, upstream))
    usual = provider.claims
    provider.claims = lambda c: {**usual(c), **change}
    assert gateway.browser().open(gateway.at("/page")).status == 502
    assert upstream.requests == []


def test_without_the_preset_its_issuer_is_refused(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}))
    assert gateway.browser().open(gateway.at("/page")).status in (502, 503)


def test_a_key_set_behind_a_login_is_said_clearly(run, provider, upstream):
    provider.on["jwks"] = lambda call: (
        Reply(401, {"error": "unauthorized"}) if not call.fields["Authorization"] else None
    )
    gateway = run(idcs(provider, upstream))
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in (200, 502, 503)
    if page.status != 200:
        assert "jwk" in gateway.process.output.lower() or "key" in gateway.process.output.lower()


@pytest.mark.parametrize(
    "fields, more", [([("X-ORACLE-DMS-ECID", "1.2.3;k")], {}), ([], {"ecid": "1.2.3;k"})], ids=["a field", "a member"]
)
def test_what_oracles_support_asks_for_is_in_the_log(run, provider, upstream, fields, more):
    provider.on["token"] = lambda call: Reply(401, {"error": "invalid_client", **more}, fields)
    gateway = run(idcs(provider, upstream))
    assert gateway.browser().open(gateway.at("/page")).status == 502
    assert "ecid 1.2.3;k" in gateway.until_logged("login-refused")["cause"]


# Several resource servers in one login

FIRST, SECOND, NOBODYS = "https://one.example.com/", "https://two.example.com/", "https://three.example.com/"


def several(provider, seconds=3600, order=(FIRST, SECOND)):
    """As a domain answers a request for the scopes of two resource servers."""
    usual = provider.token

    def answer(call):
        answer = json.loads(usual(call).content)
        first = claims_of(answer.pop("access_token"))
        tokens = [token(provider.key, {**first, "aud": [aud, "other"], "jti": aud + first["jti"]}) for aud in order]
        answer["tokenResponses"] = [
            {"access_token": t, "token_type": "Bearer", "expires_in": seconds if n else 3600} for n, t in enumerate(tokens)
        ]
        answer.pop("token_type"), answer.pop("expires_in")
        return Reply(200, answer)

    provider.on["token"] = answer
    keep = provider.claims
    provider.claims = lambda c: {n: v for n, v in keep(c).items() if n != "at_hash"}


@pytest.fixture
def two_apis(run, provider, upstream):
    routes = [
        {"path": "/one", "upstream": "site", "token": "access_token", "token_audience": FIRST},
        {"path": "/two", "upstream": "site", "token": "access_token", "token_audience": SECOND},
        {"path": "/three", "upstream": "site", "token": "access_token", "token_audience": NOBODYS},
        {"path": "/any", "upstream": "site", "token": "access_token"},
        {"path": "/*", "upstream": "site"},
    ]
    settings = {"preset": "idcs", "scopes": ["openid", "offline_access", FIRST + "read", SECOND + "read"]}
    return lambda: run(config_for(provider, {"site": upstream}, routes, provider=settings))


def sent(gateway, browser, upstream, path):
    answer = browser.fetch(gateway.at(path))
    if answer.status != 200:
        return answer.status
    return claims_of(upstream.last.one("Authorization").partition(" ")[2])["aud"][0]


def test_each_resource_server_is_sent_its_own_token(two_apis, provider, upstream):
    several(provider)
    gateway = two_apis()
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 200
    assert "urn:opc:resource:multiresourcescope" in provider.calls_of("authorize")[0].query["scope"].split()
    paths = ["/one", "/two", "/any", "/three"]
    assert [sent(gateway, browser, upstream, p) for p in paths] == [FIRST, SECOND, FIRST, 401]


def test_they_are_renewed_together_and_stay_apart(two_apis, provider, upstream):
    """The second ends first; the refresh brings both, in the other order."""
    several(provider, seconds=2)
    gateway = two_apis()
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 200
    several_at = len(provider.grants("refresh_token"))
    del provider.on["token"]
    several(provider, order=(SECOND, FIRST))
    time.sleep(2.2)
    assert [sent(gateway, browser, upstream, p) for p in ("/two", "/one", "/any")] == [SECOND, FIRST, SECOND]
    assert len(provider.grants("refresh_token")) == several_at + 1


def test_one_token_alone_goes_wherever_a_token_goes(two_apis, provider, upstream):
    gateway = two_apis()
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 200
    assert {sent(gateway, browser, upstream, p) for p in ("/one", "/two", "/any")} == {"h"}  # its aud is one text


def test_a_page_whose_token_never_comes_ends_in_a_page_and_not_in_a_circle(two_apis, provider, upstream):
    several(provider)
    gateway = two_apis()
    browser = gateway.browser()
    page = browser.open(gateway.at("/three"))
    assert page.status in (401, 403, 502) and page.media_type == "text/html", f"{page.status} {page.text[:300]}"
    assert provider.count("authorize") <= 4 and upstream.requests == []
    assert browser.open(gateway.at("/page")).status == 200, "and everything else goes on"
