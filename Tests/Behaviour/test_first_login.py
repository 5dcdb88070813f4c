"""The first visit: through the provider, and back to the page first asked for."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tokens import s256


def authorization_request(page):
    """The parameters sent to the provider; each at most once."""
    pairs = parse_qsl(urlsplit(page.location).query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs)), f"a parameter came twice: {pairs}"
    return dict(pairs)


def test_a_visitor_signs_in_and_returns_to_the_page_first_asked_for(gateway, upstream):
    page = gateway.browser().open(gateway.at("/reports/2026?month=11&x=%20y"))
    assert (page.status, page.url) == (200, gateway.at("/reports/2026?month=11&x=%20y"))
    assert [r.target for r in upstream.requests] == [
        "/reports/2026?month=11&x=%20y"
    ], "the site saw only the signed-in visit"
    assert upstream.last.one("X-Forwarded-User") == "alice-id"


def test_the_visitor_is_sent_to_the_provider_with_all_that_a_login_needs(gateway, provider):
    page = gateway.browser().open(gateway.at("/page"), follow=False)
    assert page.status == 303
    assert page.location.startswith(provider.issuer + "/authorize?")
    asked = authorization_request(page)
    assert asked["response_type"] == "code" and asked["client_id"] == "gatehouse"
    assert asked["redirect_uri"] == gateway.at("/.auth/callback")
    assert asked["scope"].split() == ["openid", "offline_access"]
    assert asked["code_challenge_method"] == "S256" and re.fullmatch(r"[\w-]{43}", asked["code_challenge"])
    assert len(asked["state"]) >= 22 and len(asked["nonce"]) >= 22
    assert set(asked) <= {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }


def test_the_redirect_to_the_provider_is_not_cached_and_says_its_request(gateway):
    page = gateway.browser().open(gateway.at("/"), follow=False)
    assert "no-store" in page.one("Cache-Control")
    assert page.one("X-Request-Id")


def test_every_login_has_values_of_its_own(gateway):
    asked = [authorization_request(gateway.browser().open(gateway.at("/"), follow=False)) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({a[name] for a in asked}) == 20, name


def test_the_token_request_proves_the_client_and_the_verifier(gateway, provider):
    gateway.browser().open(gateway.at("/"))
    [call] = provider.grants("authorization_code")
    [authorization] = provider.calls_of("authorize")
    assert call.fields["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert s256(call.form["code_verifier"]) == authorization.query["code_challenge"]
    assert 43 <= len(call.form["code_verifier"]) <= 128
    assert call.form["redirect_uri"] == gateway.at("/.auth/callback")
    assert "client_secret" not in call.form, "the secret went in the Authorization field already"


@pytest.mark.parametrize("how", ["client_secret_post", "none"])
def test_other_ways_to_prove_the_client(run, provider, upstream, how):
    from gateway import config_for

    if how == "none":
        provider.clients["gatehouse"] = None
    config = config_for(
        provider,
        {"site": upstream},
        provider={"client_authentication": how, **({"client_secret": None} if how == "none" else {})},
    )
    gateway = run(config)
    assert gateway.browser().open(gateway.at("/")).status == 200
    [call] = provider.grants("authorization_code")
    assert call.fields["Authorization"] is None and call.form["client_id"] == "gatehouse"
    assert ("client_secret" in call.form) == (how == "client_secret_post")


def test_a_second_visit_needs_no_provider(signed_in, gateway, provider):
    before = len(provider.calls)
    assert signed_in.open(gateway.at("/again")).status == 200
    assert len(provider.calls) == before


def test_no_token_or_claim_is_in_reach_of_the_browser(signed_in, gateway, provider):
    seen = " ".join(line for _, line in signed_in.set_cookie_lines) + signed_in.open(gateway.at("/.auth/me")).text
    for secret in [*provider.access_tokens, *provider.refresh_tokens, "eyJ", "refresh-"]:
        assert secret not in seen
    session_lines = [line for _, line in signed_in.set_cookie_lines if line.startswith("gatehouse")]
    assert session_lines and all("httponly" in line.lower() for line in session_lines)


def test_a_navigating_post_leads_to_its_same_origin_referer(gateway):
    browser = gateway.browser()
    page = browser.navigate("POST", gateway.at("/form"), b"a=b", initiator=gateway.at("/where/it/was?x=1"))
    assert (page.status, page.url, page.method) == (200, gateway.at("/where/it/was?x=1"), "GET")


def test_a_navigating_post_from_elsewhere_leads_to_the_start_page(gateway):
    page = gateway.browser().navigate("POST", gateway.at("/form"), b"a=b", initiator="http://elsewhere.test/x")
    assert page.url == gateway.at("/")


def test_a_login_of_another_subject_replaces_the_session(signed_in, gateway, provider, upstream):
    provider.subject = "bob-id"
    assert signed_in.open(gateway.at("/.auth/login?return_to=/after")).url == gateway.at("/after")
    assert upstream.last.one("X-Forwarded-User") == "bob-id"


def test_the_session_cookie_changes_with_each_login(signed_in, gateway):
    before = signed_in.cookies_of("localhost")["gatehouse"]
    signed_in.open(gateway.at("/.auth/login?return_to=/"))
    assert signed_in.cookies_of("localhost")["gatehouse"] != before


LEADING_AWAY = [
    "https://evil.test/",
    "//evil.test/",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\\/evil.test",
    "/./\\evil.test",
    "/%09/evil.test",
    "/\t/evil.test",
    "/%5cevil.test",
    "/%2f%2fevil.test",
    "%252f%252fevil.test",
    "https://localhost@evil.test/",
    "http://localhost.evil.test/",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.test",
    "/\n//evil.test",
    "/%0d%0aSet-Cookie:x=y",
    "/．．//evil.test",
    "//evil.test%2f@localhost",
    "/..//evil.test",
    "/;//evil.test",
    "http:evil.test",
    "https:///evil.test",
]


@pytest.mark.parametrize("target", LEADING_AWAY, ids=repr)
def test_a_login_never_leads_to_another_origin(gateway, target):
    from urllib.parse import quote

    browser = gateway.browser()
    page = browser.open(gateway.at(f"/.auth/login?return_to={quote(target, safe='')}"))
    assert page.status in (200, 400)
    assert all(
        url.startswith((gateway.url + "/", "http://127.0.0.1:")) for _, url in browser.requests
    ), browser.requests
    assert not any(name == "x" for name in browser.cookies_of("localhost"))


def test_parameters_of_the_page_asked_for_do_not_reach_the_provider(gateway):
    page = gateway.browser().open(
        gateway.at("/?scope=admin&prompt=none&redirect_uri=http://evil.test&acr_values=x"), follow=False
    )
    asked = authorization_request(page)
    assert asked["scope"] == "openid offline_access" and "prompt" not in asked and "acr_values" not in asked


def test_only_allowed_parameters_of_a_login_link_are_passed_on(run, provider, upstream):
    from gateway import config_for

    gateway = run(
        config_for(
            provider,
            {"site": upstream},
            provider={
                "pass_parameters": ["login_hint", "ui_locales"],
                "authorization_parameters": {"resource": "https://api.example.com"},
            },
        )
    )
    page = gateway.browser().open(
        gateway.at("/.auth/login?return_to=/&login_hint=alice&prompt=none&scope=admin"), follow=False
    )
    asked = authorization_request(page)
    assert (asked["login_hint"], asked["resource"], asked["scope"]) == ("alice", "https://api.example.com", "openid")
    assert "prompt" not in asked
