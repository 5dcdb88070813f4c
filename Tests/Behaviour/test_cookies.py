"""Cookies in both directions: ours are the browser's and ours alone, everyone else's pass untouched."""

import base64
import re
import time

import pytest

from gateway import config_for
from raw import request
from upstream import answer


def test_our_cookies_stay_here_and_others_pass_as_they_came(signed_in, gateway, upstream):
    ours = signed_in.cookie_field(gateway.url)
    gateway.ask("GET", "/page", f'Cookie: a=1; {ours}; b="x y"; gateway=keep; gatehouse-login.old=x; c=%20=; a=2')
    assert upstream.last.one("Cookie") == 'a=1; b="x y"; gateway=keep; c=%20=; a=2'


def test_only_our_cookies_means_no_cookie_field(signed_in, gateway, upstream):
    signed_in.open(gateway.at("/page"))
    assert upstream.last.all("Cookie") == []


def test_our_cookies_stay_here_on_public_routes_too(signed_in, gateway, upstream):
    gateway.ask("GET", "/public/x", f"Cookie: {signed_in.cookie_field(gateway.url)}; a=1")
    assert upstream.last.one("Cookie") == "a=1"


def test_where_a_token_is_sent_the_visitors_cookies_are_not(signed_in, gateway, upstream):
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}; a=1"
    gateway.ask("POST", "/graphql", cookie, "Content-Type: application/json", content='{"query":"{me}"}')
    assert upstream.last.all("Cookie") == []


def test_a_route_may_say_otherwise(run, provider, upstream):
    routes = [
        {"path": "/drop/*", "upstream": "site", "cookies": "drop"},
        {"path": "/graphql", "upstream": "site", "graphql": True, "cookies": "pass"},
        {"path": "/*", "upstream": "site"},
    ]
    gateway = run(config_for(provider, {"site": upstream}, routes))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    cookie = f"Cookie: a=1; {browser.cookie_field(gateway.url)}"
    gateway.ask("GET", "/drop/x", cookie)
    assert upstream.last.all("Cookie") == []
    gateway.ask("POST", "/graphql", cookie, "Content-Type: application/json", content='{"query":"{me}"}')
    assert upstream.last.one("Cookie") == "a=1"


def test_the_site_sets_cookies_of_its_own_but_none_of_ours(signed_in, gateway, upstream):
    lines = [
        "Set-Cookie: a=1; Path=/",
        "Set-Cookie: gatehouse=evil; Path=/",
        "Set-Cookie: a=2; Path=/x",
        "Set-Cookie: gatehouse.1=evil",
        "Set-Cookie: gatehouse-login.x=evil",
        'Set-Cookie: b="q, r"; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
    ]
    upstream.script = lambda _: answer("ok", "200 OK", *lines)
    reply = gateway.ask("GET", "/page", f"Cookie: {signed_in.cookie_field(gateway.url)}")
    assert reply.all("Set-Cookie") == [lines[i].partition(": ")[2] for i in (0, 2, 5)]


def test_under_https_each_cookie_of_ours_has_all_it_needs(behind_tls):
    browser = behind_tls.browser()
    assert browser.open(behind_tls.at("/")).status == 200
    ours = [line for url, line in browser.set_cookie_lines if url.startswith(behind_tls.url)]
    assert {line.split("=")[0].split("-login")[0] for line in ours} == {"__Host-gatehouse"}
    for line in ours:
        attributes = {a.strip().lower() for a in line.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes and not any(
            a.startswith("domain") for a in attributes
        ), line
        assert len(line) <= 4096


def test_after_the_login_its_cookie_goes_within_a_minute(behind_tls):
    """It stays that long so that a browser that returns no session cookie is recognised."""
    browser = behind_tls.browser()
    browser.open(behind_tls.at("/"))
    others = [c for c in browser.cookies if c.host == "portal.test" and c.name != "__Host-gatehouse"]
    assert "__Host-gatehouse" in browser.cookies_of("portal.test")
    assert all(c.name.startswith("__Host-gatehouse-login.") for c in others)
    assert all(c.expires is not None and c.expires <= time.time() + 60 for c in others), [c.line for c in others]


def test_a_cookie_says_nothing_in_clear(signed_in):
    value = signed_in.cookies_of("localhost")["gatehouse"]
    opened = (
        base64.urlsafe_b64decode(value.replace(".", "") + "===") if re.fullmatch(r"[\w.-]+", value) else value.encode()
    )
    # A token's header begins with one of these; its first three octets alone come up by chance.
    for clear in (b"alice", b"example.com", b"readers", b"eyJhbGci", b"eyJ0eXAi", b"eyJraWQi"):
        assert clear not in opened and clear not in value.encode()


def test_a_large_session_is_split_and_read_again(gateway, provider, upstream):
    provider.user["groups"] = [f"group-{i:04}-" + "x" * 20 for i in range(50)]
    browser = gateway.browser()
    assert browser.open(gateway.at("/")).status == 200
    assert {"gatehouse", "gatehouse.1"} <= set(browser.cookies_of("localhost"))
    assert browser.open(gateway.at("/again")).status == 200
    assert upstream.last.one("X-Forwarded-Groups").count(",") == 49
    assert not upstream.last.all("Cookie")


def test_pieces_cannot_be_swapped_mixed_or_cut(gateway, provider):
    provider.user["groups"] = [f"group-{i:04}-" + "x" * 20 for i in range(60)]
    mine, other = {}, {}
    for pieces in (mine, other):
        browser = gateway.browser()
        assert browser.open(gateway.at("/")).status == 200
        pieces.update({n: v for n, v in browser.cookies_of("localhost").items() if "login" not in n})
    assert mine.keys() == other.keys() and len(mine) >= 2
    sent = lambda pieces: "; ".join(f"{n}={v}" for n, v in pieces.items())
    assert not anonymous(gateway, sent(mine))
    assert not anonymous(gateway, sent(dict(reversed(mine.items())))), "their order in the field is the browser's"
    names = list(mine)
    for one in names:
        wrong = [
            {n: v for n, v in mine.items() if n != one},
            {**mine, one: other[one]},
            {**mine, one: mine[one][:-1]},
            {**mine, one: mine[one][1:]},
            {**mine, one: mine[one] + "A"},
            {**mine, one: ""},
        ]
        for another in names:
            if another != one:
                wrong.append({**mine, one: mine[another], another: mine[one]})
                wrong.append({**mine, one: mine[one][:-7], another: mine[one][-7:] + mine[another]})
        for pieces in wrong:
            assert anonymous(gateway, sent(pieces)), f"{one}: {[len(v) for v in pieces.values()]}"


def test_a_smaller_session_leaves_no_pieces_behind(gateway, provider):
    provider.user["groups"] = [f"group-{i:04}-" + "x" * 20 for i in range(50)]
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    provider.user["groups"] = ["one"]
    browser.open(gateway.at("/.auth/login?return_to=/"))
    assert [name for name in browser.cookies_of("localhost") if "login" not in name] == ["gatehouse"]


def anonymous(gateway, cookie):
    """Whether a Cookie field is as good as none."""
    reply = gateway.ask("GET", "/page", f"Cookie: {cookie}", "Accept: */*")
    return reply.status == 401


def test_any_changed_octet_makes_it_as_if_absent(signed_in, gateway):
    value = signed_in.cookies_of("localhost")["gatehouse"]
    with gateway.raw() as client:
        for position in [*range(0, min(len(value), 60)), *range(60, len(value), 37), len(value) - 1]:
            other = "A" if value[position] != "A" else "B"
            changed = value[:position] + other + value[position + 1 :]
            reply = client.ask(request("GET", "/page", gateway.host, f"Cookie: gatehouse={changed}", "Accept: */*"))
            assert reply.status == 401, f"changed at {position}: {reply.status}"


ODD = [
    "gatehouse=",
    "gatehouse",
    "=",
    ";;;",
    "gatehouse=x; gatehouse=y",
    "gatehouse=" + "A" * 4000,
    "gatehouse.1=x",
    "gatehouse=eyJhbGciOiJub25lIn0.e30.",
    "gatehouse=%00",
    'gatehouse=""',
    "gatehouse=" + "." * 50,
    "gatehouse=1.2.3.4.5",
    "; ".join(f"gatehouse.{i}=x" for i in range(50)),
    "$Version=1; gatehouse=x",
    "Gatehouse=x",
    "__Host-gatehouse=x",
    "gatehouse-login.x=y",
]


@pytest.mark.parametrize("cookie", ODD, ids=lambda c: c[:30])
def test_odd_cookies_are_as_if_absent(gateway, cookie):
    assert anonymous(gateway, cookie)


def test_a_look_alike_in_front_does_not_lock_the_user_out(signed_in, gateway):
    value = signed_in.cookies_of("localhost")["gatehouse"]
    for cookie in (f"gatehouse=garbage; gatehouse={value}", f"gatehouse={value}; gatehouse=garbage"):
        assert not anonymous(gateway, cookie)


def test_a_sealed_value_opens_under_its_own_name_only(signed_in, gateway):
    value = signed_in.cookies_of("localhost")["gatehouse"]
    for cookie in (f"gatehouse-login.abc={value}", f"gatehouse.1={value}", f"gatehouse.1={value}; gatehouse=x"):
        assert anonymous(gateway, cookie)


def test_another_gateways_cookie_is_as_if_absent(signed_in, run, provider, upstream):
    other = run(config_for(provider, {"site": upstream}))
    assert anonymous(other, signed_in.cookie_field("http://localhost/"))


def test_an_answer_with_our_cookie_is_not_stored(gateway, upstream):
    upstream.script = lambda _: answer(
        "ok", "200 OK", "Cache-Control: public, max-age=60", "Expires: Wed, 21 Oct 2037 07:28:00 GMT"
    )
    browser = gateway.browser()
    page = browser.open(gateway.at("/"))
    for reply in [*page.history, page]:
        if any(line.startswith("gatehouse") for line in reply.all("Set-Cookie")):
            assert "no-store" in reply.one("Cache-Control") or "no-cache" in reply.one("Cache-Control")
            assert "public" not in reply.one("Cache-Control")
