"""`same_site: strict`: the session comes along from our own pages alone, and a page of ours makes up for it."""

import re
from urllib.parse import urljoin

import pytest

from fixtures import usual

NAVIGATION = ["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]
CROSS = [*NAVIGATION, "Sec-Fetch-Site: cross-site"]


@pytest.fixture
def strict(run, provider, upstream):
    config = usual(provider, upstream)
    config["session"] = {"cookie": {"same_site": "strict"}}
    return run(config)


def refreshed(page):
    """Where a page's Refresh leads."""
    field = page.one("Refresh")
    match = field and re.fullmatch(r"0; *url=(/.*)", field)
    return urljoin(page.url, match[1]) if match else None


def followed(browser, page):
    """The page behind our own pages that only lead on."""
    for _ in range(4):
        if not refreshed(page):
            return page
        page = browser.click(page, refreshed(page))
    raise AssertionError(f"it goes on and on: {page.url}")


def sign_in(strict, path="/"):
    browser = strict.browser()
    page = browser.open(strict.at(path))
    if refreshed(page):
        page = browser.open(refreshed(page))
    return browser, page


def test_a_login_ends_with_a_hop_to_the_page_asked_for(strict, provider):
    browser = strict.browser()
    hop = browser.open(strict.at("/reports?year=2026"))
    assert hop.status == 200 and refreshed(hop) == strict.at("/reports?year=2026")
    assert "no-store" in hop.one("Cache-Control") and "<script" not in hop.text
    [line] = [c.line for c in browser.cookies if c.name == "gatehouse"]
    assert "SameSite=Strict" in line
    logins = [line for _, line in browser.set_cookie_lines if "-login." in line]
    assert logins and all("SameSite=Lax" in line for line in logins)
    page = browser.open(refreshed(hop))
    assert page.status == 200 and page.one("Refresh") is None and provider.count("authorize") == 1


def test_a_navigation_from_elsewhere_hops_once_and_finds_the_session(strict, provider, upstream):
    browser, _ = sign_in(strict)
    cookie = f"Cookie: {browser.cookie_field(strict.url)}"
    upstream.forget()
    hop = strict.ask("GET", "/page?a=b", *CROSS)  # the browser keeps the strict cookie
    assert hop.status == 200 and hop.one("Refresh") == "0; url=/page?a=b" and upstream.requests == []
    again = strict.ask("GET", "/page?a=b", *NAVIGATION, "Sec-Fetch-Site: same-origin", cookie)
    assert again.status == 200 and upstream.last.target == "/page?a=b"
    assert provider.count("authorize") == 1


def test_whoever_has_no_session_is_sent_to_the_provider_after_it(strict, provider):
    hop = strict.ask("GET", "/page", *CROSS)
    assert hop.status == 200 and hop.one("Refresh")
    then = strict.ask("GET", "/page", *NAVIGATION, "Sec-Fetch-Site: same-origin")
    assert then.status == 303 and then.one("Location").startswith(provider.issuer)


@pytest.mark.parametrize("lines", [CROSS, ["Accept: text/html"]], ids=["never same-site", "without fetch metadata"])
def test_a_browser_that_does_not_play_along_goes_in_no_circle(strict, provider, lines):
    hop = strict.ask("GET", "/page", *lines)
    assert hop.status == 200 and hop.one("Refresh")
    [mark] = hop.all("Set-Cookie")
    assert "Max-Age=5" in mark
    then = strict.ask("GET", "/page", *lines, f"Cookie: {mark.split(';')[0]}")
    assert then.status == 303 and then.one("Location").startswith(provider.issuer)
    other = strict.ask("GET", "/other", *lines, f"Cookie: {mark.split(';')[0]}")
    assert other.status == 200, "another address has a hop of its own"


STRAIGHT = [
    ("typed", [*NAVIGATION, "Sec-Fetch-Site: none"], 303),
    ("from our own page", [*NAVIGATION, "Sec-Fetch-Site: same-origin"], 303),
    ("from a sibling", [*NAVIGATION, "Sec-Fetch-Site: same-site"], 303),
    ("with a session that does not count", [*CROSS, "Cookie: gatehouse=x"], 303),
    ("a program", ["Accept: application/json"], 401),
    ("a frame", ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", "Sec-Fetch-Site: cross-site"], 401),
]


@pytest.mark.parametrize("who, lines, status", STRAIGHT, ids=[s[0] for s in STRAIGHT])
def test_nobody_else_meets_the_page(strict, who, lines, status):
    reply = strict.ask("GET", "/page", *lines)
    assert reply.status == status and reply.one("Refresh") is None


def test_with_lax_there_is_no_such_page(gateway):
    assert gateway.ask("GET", "/page", *CROSS).status == 303


def test_a_browser_without_fetch_metadata_and_cookies_meets_the_page_once(strict, provider):
    lines = ["Accept: text/html"]
    assert strict.ask("GET", "/page", *lines).one("Refresh")
    for _ in range(2):
        then = strict.ask("GET", "/page", *lines)
        assert then.status == 303 and then.one("Location").startswith(provider.issuer)
    assert strict.ask("GET", "/other", *lines).one("Refresh"), "another address has a hop of its own"


def test_a_login_as_somebody_else_ends_the_session_it_replaces(strict, provider):
    browser, page = sign_in(strict)
    old = f"Cookie: {browser.cookie_field(strict.url)}"
    assert strict.ask("GET", "/page", "Accept: */*", old).status == 200
    provider.subject = "bob-id"
    hop = browser.click(page, strict.at("/.auth/login?return_to=/b"))
    assert refreshed(hop).startswith(strict.at("/.auth/callback?")), "the session is looked at before the code is spent"
    assert provider.count("token") == 1
    assert followed(browser, hop).path == "/b" and provider.count("token") == 2
    assert strict.ask("GET", "/page", "Accept: */*", old).status == 401


def test_a_login_link_on_another_site_hops_too(strict, provider):
    hop = strict.ask("GET", "/.auth/login?return_to=/a", *CROSS)
    assert hop.status == 200 and hop.one("Refresh") == "0; url=/.auth/login?return_to=/a"
    then = strict.ask("GET", "/.auth/login?return_to=/a", *NAVIGATION, "Sec-Fetch-Site: same-origin")
    assert then.status == 303 and then.one("Location").startswith(provider.issuer)


def test_a_callback_that_lost_its_login_leads_back_to_the_session(strict, provider):
    browser, page = sign_in(strict)
    sent = browser.click(page, strict.at("/.auth/login?return_to=/b"), follow=False)
    back = browser.open(sent.location, follow=False)
    browser.forget("login")
    assert followed(browser, browser.click(back, back.location)).path == "/b"
    assert provider.count("token") == 1 and provider.count("authorize") == 2, "no code is spent, no login begun"
