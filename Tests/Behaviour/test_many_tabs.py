"""Several logins at once in one browser: each comes to its own end."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from tokens import token


def test_five_tabs_are_each_led_to_their_page_in_any_order(gateway, provider, upstream):
    browser = gateway.browser()
    tabs = [browser.open(gateway.at(f"/tab/{i}"), follow=False) for i in range(5)]
    order = list(range(5))
    random.Random(5).shuffle(order)
    for i in order:
        page = browser.open(tabs[i].location)
        assert (page.status, page.url) == (200, gateway.at(f"/tab/{i}"))
    assert sorted(r.target for r in upstream.requests) == [f"/tab/{i}" for i in range(5)]
    left = [c for c in browser.cookies if "login" in c.name]
    assert all(c.expires and c.expires <= time.time() + 60 for c in left), "a finished login's mark goes within a minute"


def test_a_sixth_tab_drops_the_oldest_and_no_more_cookies_than_five_are_kept(gateway):
    browser = gateway.browser()
    tabs = [browser.open(gateway.at(f"/tab/{i}"), follow=False) for i in range(8)]
    assert len([n for n in browser.cookies_of("localhost") if "login" in n]) <= 5
    for i in (7, 3):
        assert browser.open(tabs[i].location).url == gateway.at(f"/tab/{i}")
    page = browser.open(tabs[0].location)
    assert page.status == 200, "the dropped one finds the session of the others, or begins afresh"


def test_many_browsers_sign_in_at_once(gateway, upstream):
    def visit(i):
        return gateway.browser().open(gateway.at(f"/user/{i}")).url

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(visit, range(64))) == [gateway.at(f"/user/{i}") for i in range(64)]


def test_two_copies_of_a_callback_get_the_same_answer(gateway, provider):
    browser = gateway.browser()
    back = browser.open(browser.open(gateway.at("/page"), follow=False).location, follow=False).location
    cookie = browser.cookie_field(gateway.url)

    def come_back(_):
        return gateway.ask(
            "GET",
            back.removeprefix(gateway.url),
            f"Cookie: {cookie}",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document",
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(come_back, range(4)))
    assert {(a.status, a.one("Location")) for a in answers} <= {(303, "/page"), (303, gateway.at("/page"))}
    assert len(provider.grants("authorization_code")) == 1


def test_twenty_tabs_restored_at_once_all_end_on_their_pages(gateway, provider, upstream):
    """The browser has room for five logins: the others find the session of those, each at its own page."""
    browser = gateway.browser()
    tabs = [browser.open(gateway.at(f"/tab/{i}"), follow=False) for i in range(20)]
    order = list(range(20))
    random.Random(20).shuffle(order)
    before = len(browser.requests)
    for i in order:
        page = browser.open(tabs[i].location)
        assert (page.status, page.url) == (200, gateway.at(f"/tab/{i}")), f"{page.status} {page.url}"
    assert sorted(r.target for r in upstream.requests) == sorted(f"/tab/{i}" for i in range(20))
    # The provider, the callback, the page; one that was crowded out may begin once more.
    assert len(browser.requests) - before <= 20 * 3 + 3
    assert provider.count("authorize") <= 21


def test_a_flood_of_unknown_keys_makes_one_more_key_request(gateway, provider, upstream):
    """Sixty logins within a minute, each ID token under a key that nobody has published."""
    assert gateway.browser().open(gateway.at("/page")).status == 200
    before = provider.count("jwks")
    upstream.forget()
    numbers = iter(range(60))
    provider.make_id_token = lambda claims: token(provider.key, claims, {"kid": f"unknown-{next(numbers)}"})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: gateway.browser().open(gateway.at("/page")).status, range(60)))
    assert set(statuses) == {502} and upstream.requests == []
    assert provider.count("jwks") - before <= 1
    provider.make_id_token = None
    assert gateway.browser().open(gateway.at("/page")).status == 200, "and who has a right one signs in"


def test_stale_replayed_and_foreign_callbacks_never_break_a_live_session(gateway, provider, upstream):
    browser = gateway.browser()
    begun = browser.open(gateway.at("/page"), follow=False)
    back = browser.open(begun.location, follow=False).location
    assert browser.open(back).status == 200
    stranger = gateway.browser()
    foreign = stranger.open(stranger.open(gateway.at("/other"), follow=False).location, follow=False).location
    garbled = back.replace("state=", "state=A")
    for url in (back, back, foreign, garbled, gateway.at("/.auth/callback"), gateway.at("/.auth/callback?error=access_denied")):
        page = browser.open(url)
        assert page.status in (200, 400, 403), f"{page.status} {url}"
        still = browser.open(gateway.at("/page"), follow=False)
        assert still.status == 200, f"after {url} the session is gone: {still.status}"
    assert len(provider.grants("authorization_code")) == 1, "no code but the first was spent"
    assert stranger.open(foreign).status == 200, "and the stranger's own login still works"
