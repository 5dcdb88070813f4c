"""A route may ask for more than a login: scopes, `acr_values`, `max_age`. A weaker session steps up, once."""

import json
import time

import pytest

from gateway import config_for
from refusals import refused
from upstream import answer
from waiting import until

ROUTES = [
    {"path": "/pay/*", "upstream": "site", "scopes": ["pay"]},
    {"path": "/bill/*", "upstream": "site", "scopes": ["bill"]},
    {"path": "/safe/*", "upstream": "site", "acr_values": ["gold", "silver"]},
    {"path": "/now/*", "upstream": "site", "max_age": "1h"},
    {"path": "/again/*", "upstream": "site", "prompt": "login"},
    {"path": "/maybe/*", "upstream": "site", "access": "optional", "acr_values": ["gold"]},
    {"path": "/*", "upstream": "site"},
]


@pytest.fixture
def site(run, provider, upstream):
    return run(config_for(provider, {"site": upstream}, ROUTES))


def asked(provider):
    return provider.calls_of("authorize")[-1].query


def gold(provider):
    """The provider does as it is asked."""
    provider.claims = lambda c: {**c, "acr": "gold"} if "acr_values" in asked(provider) else c


def test_a_weaker_session_steps_up_for_scopes(site, provider, upstream):
    browser = site.browser()
    assert browser.open(site.at("/x")).status == 200
    assert asked(provider)["scope"] == "openid"
    assert browser.open(site.at("/pay/x?y")).path == "/pay/x?y"
    assert asked(provider)["scope"] == "openid pay"
    assert browser.open(site.at("/pay/z")).status == 200 and provider.count("authorize") == 2
    assert browser.open(site.at("/x")).status == 200 and provider.count("authorize") == 2


def test_a_step_up_keeps_what_was_granted_before(site, provider):
    browser = site.browser()
    for path in ("/pay/a", "/bill/a", "/pay/b", "/bill/b"):
        assert browser.open(site.at(path)).status == 200
    assert provider.count("authorize") == 2
    assert set(asked(provider)["scope"].split()) == {"openid", "pay", "bill"}


def test_what_a_provider_grants_it_may_say_or_not(site, provider):
    from provider import Reply

    usual = provider.token

    def saying(scope):
        return lambda call: Reply(200, {**json.loads(usual(call).content), "scope": scope})

    provider.on["token"] = saying("openid pay more")
    assert site.browser().open(site.at("/pay/x")).status == 200
    provider.on["token"] = saying("pay openid")
    assert site.browser().open(site.at("/pay/x")).status == 200


def test_a_scope_that_is_not_granted_ends_at_one_page(site, provider, upstream):
    from provider import Reply

    usual = provider.token
    provider.on["token"] = lambda call: Reply(200, {**json.loads(usual(call).content), "scope": "openid"})
    page = site.browser().open(site.at("/pay/x"))
    assert refused(page, site, upstream, 403)[0] == "requirements-unmet"
    assert provider.count("authorize") == 1, "never a loop"


def test_the_session_before_goes_on_when_a_step_up_fails(site, provider, upstream):
    browser = site.browser()
    assert browser.open(site.at("/x")).status == 200
    page = browser.open(site.at("/safe/x"))
    assert page.status == 502 and "login-too-weak" in page.text
    assert browser.open(site.at("/x")).status == 200 and provider.count("authorize") == 2


def test_an_acr_is_asked_for_and_checked(site, provider, upstream):
    gold(provider)
    browser = site.browser()
    assert browser.open(site.at("/x")).status == 200
    assert browser.open(site.at("/safe/x")).path == "/safe/x"
    assert asked(provider)["acr_values"] == "gold silver"
    assert browser.open(site.at("/safe/y")).status == 200 and provider.count("authorize") == 2


@pytest.mark.parametrize("acr", [None, "bronze", "GOLD", ["gold"], "gold silver"], ids=str)
def test_a_lower_acr_signs_nobody_in(site, provider, upstream, acr):
    provider.claims = lambda c: {**c, **({"acr": acr} if acr else {})}
    page = site.browser().open(site.at("/safe/x"))
    assert refused(page, site, upstream, 502)[0] == "login-too-weak"
    assert provider.count("authorize") == 1


def test_an_old_proof_is_renewed(site, provider, upstream):
    hours = lambda n: int(time.time()) - n * 3600
    browser = site.browser()
    provider.claims = lambda c: {**c, "auth_time": hours(2)}
    assert browser.open(site.at("/x")).status == 200
    assert "max_age" not in asked(provider)
    provider.claims = lambda c: c
    assert browser.open(site.at("/now/x")).path == "/now/x"
    assert asked(provider)["max_age"] == "3600"
    assert browser.open(site.at("/now/y")).status == 200 and provider.count("authorize") == 2


@pytest.mark.parametrize("bend, code", [(lambda c: {**c, "auth_time": int(time.time()) - 7200}, "login-too-weak"),
    (lambda c: {n: v for n, v in c.items() if n != "auth_time"}, "id-token-invalid")], ids=["too old", "missing"])
def test_a_provider_that_ignores_max_age_ends_at_one_page(site, provider, upstream, bend, code):
    provider.claims = bend
    assert refused(site.browser().open(site.at("/now/x")), site, upstream, 502)[0] == code
    assert provider.count("authorize") == 1


def test_a_weak_login_that_the_browser_brought_is_400(run, provider, upstream):
    ways = {"response_type": "id_token", "response_mode": "form_post", "scopes": ["openid"]}
    site = run(config_for(provider, {"site": upstream}, [ROUTES[2], ROUTES[-1]], provider=ways))
    browser = site.browser()
    page = browser.submit(browser.submit(browser.open(site.at("/safe/x"))))
    assert refused(page, site, upstream, 400)[0] == "login-returned-too-weak"


def test_a_prompt_is_sent(site, provider):
    assert site.browser().open(site.at("/again/x")).status == 200
    assert asked(provider)["prompt"] == "login"


CHALLENGES = [
    ("/safe/x", 'error="insufficient_user_authentication", acr_values="gold silver"'),
    ("/pay/x", 'error="insufficient_scope", scope="pay"'),
]


@pytest.mark.parametrize("path, words", CHALLENGES, ids=[c[0] for c in CHALLENGES])
def test_a_program_is_told_what_is_missing(site, provider, upstream, path, words):
    browser = site.browser()
    browser.open(site.at("/x"))
    upstream.forget()
    reply = browser.fetch(site.at(path))
    assert reply.status == 401 and words in reply.one("WWW-Authenticate")
    assert reply.one("WWW-Authenticate").startswith(f'Bearer realm="{site.url}"')
    assert upstream.requests == [] and provider.count("authorize") == 1
    gold(provider)
    assert browser.open(json.loads(reply.content)["login_url"]).status == 200
    assert browser.fetch(site.at(path)).status == 200, "the link that came with the 401 steps up"


def test_an_optional_route_takes_a_weak_session_for_none(site, provider, upstream):
    browser = site.browser()
    browser.open(site.at("/x"))
    upstream.forget()
    assert browser.open(site.at("/maybe/x")).status == 200
    assert upstream.requests[-1].one("X-Forwarded-User") is None and provider.count("authorize") == 1


# What an upstream asks for (RFC 9470)

DEMAND = 'WWW-Authenticate: Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age=600'


@pytest.fixture
def strict_api(run, provider, upstream):
    """An API that wants more of a login than its route says, until the provider has been asked for it."""
    routes = [{"path": "/api/*", "upstream": "site", "token": "access_token"}, ROUTES[-1]]
    site = run(config_for(provider, {"site": upstream}, routes))
    site.demand = DEMAND
    enough = lambda: "acr_values" in asked(provider)
    upstream.script = lambda r: answer("ok") if enough() or not r.target.startswith("/api") else answer("no", "401 Unauthorized", site.demand)
    return site


def test_an_upstream_sends_a_navigation_to_a_stronger_login(strict_api, provider, upstream):
    gold(provider)
    browser = strict_api.browser()
    page = browser.open(strict_api.at("/api/pay?amount=7&to=x"))
    assert page.status == 200 and page.path == "/api/pay?amount=7&to=x"
    assert asked(provider)["acr_values"] == "gold silver" and asked(provider)["max_age"] == "600"
    assert provider.count("authorize") == 2
    assert browser.open(strict_api.at("/api/pay")).status == 200 and provider.count("authorize") == 2


@pytest.mark.parametrize("fields", [{}, {"Accept": "application/json"}], ids=["any", "json"])
def test_a_program_is_told_what_the_upstream_asks_for(strict_api, provider, upstream, fields):
    gold(provider)
    browser = strict_api.browser()
    browser.open(strict_api.at("/x"))
    reply = browser.fetch(strict_api.at("/api/pay"), fields=fields)
    assert reply.status == 401 and reply.media_type == "application/problem+json"
    challenge = reply.one("WWW-Authenticate")
    assert challenge.startswith(f'Bearer realm="{strict_api.url}"')
    assert 'error="insufficient_user_authentication", acr_values="gold silver", max_age=600' in challenge
    assert browser.open(reply.json["login_url"]).status == 200
    assert browser.fetch(strict_api.at("/api/pay")).status == 200


def test_an_upstream_that_is_never_content_is_no_circle(strict_api, provider, upstream):
    gold(provider)
    upstream.script = lambda r: answer("no", "401 Unauthorized", strict_api.demand) if r.target.startswith("/api") else answer("ok")
    page = strict_api.browser().open(strict_api.at("/api/pay"))
    assert page.status == 403 and "requirements-unmet" in page.text and provider.count("authorize") <= 3


PASSED_ON = {
    "another error": 'WWW-Authenticate: Bearer error="invalid_token"',
    "nothing that could be asked for": 'WWW-Authenticate: Bearer error="insufficient_user_authentication"',
    "another scheme": 'WWW-Authenticate: DPoP error="insufficient_user_authentication", max_age=1',
    "an age that is none": 'WWW-Authenticate: Bearer error="insufficient_user_authentication", max_age=-1',
    "said twice": 'WWW-Authenticate: Bearer error="insufficient_user_authentication", max_age=1, max_age=2',
}


@pytest.mark.parametrize("what", PASSED_ON)
def test_any_other_401_of_an_upstream_passes_as_it_is(strict_api, provider, what):
    strict_api.demand = PASSED_ON[what]
    browser = strict_api.browser()
    browser.open(strict_api.at("/x"))
    page = browser.open(strict_api.at("/api/pay"), follow=False)
    assert page.status == 401 and page.text == "no" and provider.count("authorize") == 1
    assert page.one("WWW-Authenticate") == strict_api.demand.partition(": ")[2]


def test_nobody_else_can_demand_a_login(strict_api, provider):
    page = strict_api.browser().open(strict_api.at("/.auth/login?return_to=/&requirements=abc"))
    assert page.status == 400 and provider.count("authorize") == 0


def test_where_no_token_is_sent_an_upstreams_challenge_is_its_own(strict_api, provider, upstream):
    browser = strict_api.browser()
    browser.open(strict_api.at("/x"))
    upstream.script = lambda r: answer("no", "401 Unauthorized", DEMAND)
    page = browser.open(strict_api.at("/plain"), follow=False)
    assert page.status == 401 and page.text == "no"
