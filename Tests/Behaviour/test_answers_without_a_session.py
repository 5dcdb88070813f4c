"""Who asks decides what a visitor without a session is told: a redirect, a page, a problem, a GraphQL error."""

from dataclasses import dataclass, field

import pytest

from shared import gateway, provider, run_for_all, signed_in, upstream, upstream_for_all  # noqa: F401 - fixtures
from raw import request

NAVIGATION = [
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Site: none",
    "Accept: text/html,*/*;q=0.8",
]
WEBSOCKET = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]
QUERY = '{"query":"{ me }"}'


@dataclass
class Row:
    who: str
    lines: list
    status: int
    media_type: str | None = None
    method: str = "GET"
    target: str = "/page"
    content: str | None = None
    cookies: int = 0
    more: dict = field(default_factory=dict)

    def __str__(self):
        return self.who


ROWS = [
    Row("a person by fetch metadata", NAVIGATION, 303, cookies=1),
    Row("a person in an old browser", ["Accept: text/html,application/xhtml+xml"], 303, cookies=1),
    Row("a person's HEAD in an old browser", ["Accept: text/html"], 303, method="HEAD", cookies=1),
    Row("a navigation that says no Accept", NAVIGATION[:2], 303, cookies=1),
    Row(
        "a person who posts a form",
        [*NAVIGATION, "Content-Type: application/x-www-form-urlencoded"],
        303,
        method="POST",
        content="a=b",
        cookies=1,
    ),
    Row(
        "a fetch that accepts text/html",
        ["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: text/html"],
        401,
        "application/problem+json",
    ),
    Row(
        "a script's fetch",
        ["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Sec-Fetch-Site: same-origin", "Accept: */*"],
        401,
        "application/problem+json",
    ),
    Row(
        "an image",
        ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", "Accept: image/*"],
        401,
        "application/problem+json",
    ),
    Row("curl", ["Accept: */*"], 401, "application/problem+json"),
    Row("a program that says nothing", [], 401, "application/problem+json"),
    Row(
        "a program's POST that accepts text/html",
        ["Accept: text/html"],
        401,
        "application/problem+json",
        method="POST",
        content="x",
    ),
    Row("a program's PUT", ["Accept: */*"], 401, "application/problem+json", method="PUT", content="x"),
    Row(
        "a preflight",
        ["Origin: https://elsewhere.test", "Access-Control-Request-Method: POST", "Sec-Fetch-Mode: cors"],
        401,
        "application/problem+json",
        method="OPTIONS",
    ),
    Row("a websocket", [*WEBSOCKET, "Origin: http://elsewhere.test"], 401),
    Row("a websocket with fetch metadata", [*WEBSOCKET, "Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: websocket"], 401),
    Row("a prefetch", [*NAVIGATION, "Sec-Purpose: prefetch"], 503),
    Row("a prerender", [*NAVIGATION, "Sec-Purpose: prefetch;prerender"], 503),
    *[
        Row(
            f"a navigation in {dest}", [NAVIGATION[0], f"Sec-Fetch-Dest: {dest}", "Accept: text/html"], 401, "text/html"
        )
        for dest in ("iframe", "frame", "object", "embed")
    ],
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_asker_gets_its_answer(gateway, upstream, row):
    answer = gateway.ask(row.method, row.target, *row.lines, content=row.content)
    assert answer.status == row.status, answer.text
    assert row.media_type is None or row.method == "HEAD" or answer.media_type == row.media_type
    assert "no-store" in answer.one("Cache-Control") and answer.one("X-Request-Id")
    assert len(answer.all("Set-Cookie")) == row.cookies, "only a login's own redirect leaves a cookie"
    assert upstream.requests == [], "the site sees nothing of it"
    if answer.status == 401:
        assert answer.one("WWW-Authenticate") == f'Bearer realm="{gateway.url}"'


def test_a_problem_says_its_code_and_where_to_sign_in(gateway):
    answer = gateway.ask("GET", "/page", "Accept: application/json")
    assert answer.json["code"] and answer.json["status"] == 401
    assert answer.json["login_url"].startswith((gateway.at("/.auth/login"), "/.auth/login"))


def test_a_frame_gets_a_page_that_opens_at_the_top_and_nobody_else_may_frame(gateway):
    answer = gateway.ask("GET", "/page", NAVIGATION[0], "Sec-Fetch-Dest: iframe", "Accept: text/html")
    assert 'target="_top"' in answer.text and "/.auth/login" in answer.text
    assert "frame-ancestors 'self'" in answer.one("Content-Security-Policy")
    assert "<script" not in answer.text


def test_a_bearer_is_no_proof_here_and_is_named_invalid(gateway, upstream):
    answer = gateway.ask("GET", "/page", "Authorization: Bearer x.y.z")
    assert answer.status == 401 and 'error="invalid_token"' in answer.one("WWW-Authenticate")
    assert upstream.requests == []


def test_a_storm_of_calls_leaves_no_cookie(gateway):
    with gateway.raw() as client:
        for _ in range(100):
            answer = client.ask(request("GET", "/api", gateway.host, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"))
            assert answer.status == 401 and not answer.all("Set-Cookie")


GRAPHQL = [
    ("application/graphql-response+json", "application/graphql-response+json"),
    ("application/graphql-response+json, application/json;q=0.9", "application/graphql-response+json"),
    ("application/json", "application/json"),
    ("application/json, application/graphql-response+json;q=0.5", "application/json"),
]


@pytest.mark.parametrize("accept, media_type", GRAPHQL)
def test_graphql_is_told_in_its_own_words(gateway, upstream, accept, media_type):
    answer = gateway.ask(
        "POST",
        "/graphql",
        f"Accept: {accept}",
        "Content-Type: application/json",
        "Sec-Fetch-Site: same-origin",
        content=QUERY,
    )
    assert (answer.status, answer.media_type) == (401, media_type)
    [error] = answer.json["errors"]
    assert error["message"] and error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["login_url"].startswith((gateway.at("/.auth/login"), "/.auth/login"))
    assert "data" not in answer.json and answer.one("WWW-Authenticate") == f'Bearer realm="{gateway.url}"'
    assert upstream.requests == []


@pytest.mark.parametrize(
    "method, target, lines, status",
    [
        ("GET", "/graphql", NAVIGATION, 303),
        ("GET", "/graphql?query=%7Bme%7D", NAVIGATION, 401),
        ("GET", "/graphql?query=%7Bme%7D", [], 401),
        ("POST", "/graphql", [*NAVIGATION, "Content-Type: application/json"], 401),
    ],
    ids=["its page", "a navigating query", "a program's query", "a navigating post"],
)
def test_only_the_page_of_a_graphql_route_leads_to_a_login(gateway, method, target, lines, status):
    content = QUERY if method == "POST" else None
    answer = gateway.ask(method, target, *lines, content=content)
    assert answer.status == status
    if status == 401:
        assert answer.json["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_public_route_reads_no_session_and_asks_nothing(gateway, upstream):
    answer = gateway.ask("GET", "/public/x")
    assert answer.status == 200 and upstream.last.target == "/public/x"
    assert not answer.all("Set-Cookie")


def test_an_optional_route_goes_on_without_a_session(gateway, upstream):
    assert gateway.ask("GET", "/optional/x", *NAVIGATION).status == 200
    assert "x-forwarded-user" not in upstream.last.names


def test_an_unread_body_does_not_become_the_next_request(gateway, upstream):
    smuggled = request("GET", "/public/smuggled", gateway.host)
    with gateway.raw() as client:
        client.send(request("POST", "/page", gateway.host, "Accept: */*", content=smuggled))
        assert client.answer().status == 401
        client.send(request("GET", "/public/next", gateway.host))
        try:
            assert client.answer().json["target"] == "/public/next"
        except AssertionError as closed:
            assert "ended" in str(closed), closed
    assert "/public/smuggled" not in [r.target for r in upstream.requests]
