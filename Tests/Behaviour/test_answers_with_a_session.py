"""What a session does not open: calls from other sites, mutations by GET; and what programs with a cookie may do."""

import pytest

from shared import gateway, provider, run_for_all, signed_in, upstream, upstream_for_all  # noqa: F401 - fixtures

QUERY = '{"query":"{ me }"}'
JSON = "Content-Type: application/json"


@pytest.fixture
def ask(gateway, signed_in):
    """A request that carries the session, with whatever fields a test says."""
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    return lambda method, target, *lines, content=None: gateway.ask(method, target, cookie, *lines, content=content)


WEBSOCKET = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]
OURS = "Origin: {url}"

ROWS = [
    ("a same-origin post", "POST", "/form", ["Sec-Fetch-Site: same-origin"], 200),
    ("a post someone typed", "POST", "/form", ["Sec-Fetch-Site: none"], 200),
    ("a cross-site post", "POST", "/form", ["Sec-Fetch-Site: cross-site"], 403),
    ("a cross-site post that claims our origin", "POST", "/form", ["Sec-Fetch-Site: cross-site", OURS], 403),
    (
        "a same-origin post whose origin is foreign",
        "POST",
        "/form",
        ["Sec-Fetch-Site: same-origin", "Origin: http://elsewhere.test"],
        200,
    ),
    ("a post from a foreign origin", "POST", "/form", ["Origin: http://elsewhere.test"], 403),
    ("a post from the origin null", "POST", "/form", ["Origin: null"], 403),
    ("a post from our origin", "POST", "/form", [OURS], 200),
    ("a delete across sites", "DELETE", "/thing", ["Sec-Fetch-Site: cross-site"], 403),
    (
        "a cross-site navigation by GET",
        "GET",
        "/page",
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
        200,
    ),
    (
        "a cross-site image",
        "GET",
        "/image",
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"],
        200,
    ),
    ("a program's post", "POST", "/form", [], 200),
    ("a cross-site post to a public route", "POST", "/public/form", ["Sec-Fetch-Site: cross-site"], 200),
]


@pytest.mark.parametrize("who, method, target, lines, status", ROWS, ids=[r[0] for r in ROWS])
def test_each_call_by_cookie_has_one_answer(ask, gateway, upstream, who, method, target, lines, status):
    upstream.forget()
    answer = ask(
        method, target, *[line.format(url=gateway.url) for line in lines], content="x" if method == "POST" else None
    )
    assert answer.status == status, answer.text
    assert len(upstream.requests) == (status == 200)


GRAPHQL = [
    ("a same-origin call", "POST", "", ["Sec-Fetch-Site: same-origin", JSON], 200, None),
    ("a sibling site's call", "POST", "", ["Sec-Fetch-Site: same-site", JSON], 403, "CROSS_SITE"),
    ("a cross-site call", "POST", "", ["Sec-Fetch-Site: cross-site", JSON], 403, "CROSS_SITE"),
    ("a cross-site query by GET", "GET", "?query=%7Bme%7D", ["Sec-Fetch-Site: cross-site"], 403, "CROSS_SITE"),
    (
        "a cross-site navigating query",
        "GET",
        "?query=%7Bme%7D",
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
        403,
        "CROSS_SITE",
    ),
    (
        "a cross-site visit to its page",
        "GET",
        "",
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
        200,
        None,
    ),
    ("a foreign origin", "POST", "", ["Origin: http://elsewhere.test", JSON], 403, "CROSS_SITE"),
    ("the origin null", "POST", "", ["Origin: null", JSON], 403, "CROSS_SITE"),
    ("our origin", "POST", "", [OURS, JSON], 200, None),
    ("a program's JSON", "POST", "", [JSON], 200, None),
    ("a program's JSON with a charset", "POST", "", [JSON + "; charset=utf-8"], 200, None),
    ("a program's query by GET", "GET", "?query=%7Bme%7D", [], 200, None),
    ("a form's content type", "POST", "", ["Content-Type: text/plain"], 403, "CROSS_SITE"),
    ("no content type", "POST", "", [], 403, "CROSS_SITE"),
    ("a mutation by GET", "GET", "?query=mutation%7Bgo%7D", ["Sec-Fetch-Site: same-origin"], 405, None),
    ("a mutation by GET across sites", "GET", "?query=mutation%7Bgo%7D", ["Sec-Fetch-Site: cross-site"], 405, None),
    (
        "a mutation behind a comment",
        "GET",
        "?query=%23x%0Amutation%20M%7Bgo%7D",
        ["Sec-Fetch-Site: same-origin"],
        405,
        None,
    ),
    (
        "a mutation chosen by its name",
        "GET",
        "?query=query%20A%7Bme%7D%20mutation%20B%7Bgo%7D&operationName=B",
        ["Sec-Fetch-Site: same-origin"],
        405,
        None,
    ),
    ("a query that cannot be read", "GET", "?query=%7B", ["Sec-Fetch-Site: same-origin"], 400, None),
    ("two queries", "GET", "?query=%7Bme%7D&query=%7Bme%7D", ["Sec-Fetch-Site: same-origin"], 400, None),
]


@pytest.mark.parametrize("who, method, query, lines, status, code", GRAPHQL, ids=[r[0] for r in GRAPHQL])
def test_a_graphql_route_is_not_to_be_used_from_elsewhere(
    ask, gateway, upstream, who, method, query, lines, status, code
):
    upstream.forget()
    answer = ask(
        method,
        "/graphql" + query,
        *[line.format(url=gateway.url) for line in lines],
        content=QUERY if method == "POST" else None,
    )
    assert answer.status == status, answer.text
    assert len(upstream.requests) == (status == 200), "what is refused reaches no API"
    if code:
        assert answer.json["errors"][0]["extensions"]["code"] == code


def test_a_mutation_by_get_is_refused_to_anyone(gateway, upstream):
    answer = gateway.ask("GET", "/graphql?query=mutation%7Bgo%7D")
    assert answer.status == 405 and "POST" in answer.one("Allow")
    assert upstream.requests == []


def test_a_websocket_from_a_foreign_origin_is_refused(ask, upstream):
    upstream.forget()
    assert (
        ask("GET", "/socket", *WEBSOCKET, "Origin: http://elsewhere.test", "Sec-Fetch-Site: same-origin").status == 403
    )
    assert upstream.requests == []


def test_identity_follows_each_request_of_a_connection(gateway, signed_in, upstream):
    from raw import request

    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    with gateway.raw() as client:
        assert client.ask(request("GET", "/optional/1", gateway.host, cookie)).status == 200
        assert client.ask(request("GET", "/optional/2", gateway.host)).status == 200
        assert client.ask(request("GET", "/page", gateway.host)).status == 401
        assert client.ask(request("GET", "/page", gateway.host, cookie)).status == 200
    seen = {r.target: r.one("X-Forwarded-User") for r in upstream.requests if r.target != "/"}
    assert seen == {"/optional/1": "alice-id", "/optional/2": None, "/page": "alice-id"}


def test_an_answer_of_the_site_without_caching_rules_is_private(ask, gateway):
    assert "private" in ask("GET", "/page").one("Cache-Control")
    assert gateway.ask("GET", "/public/x").one("Cache-Control") is None
