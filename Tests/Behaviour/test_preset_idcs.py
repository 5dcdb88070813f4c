"""`preset: idcs`: what Oracle's identity domains do differently, and nothing looser than that."""

import pytest

from gateway import config_for
from provider import Reply

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
