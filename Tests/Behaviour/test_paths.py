"""The path matched is the path forwarded, and what two readers could read differently is refused."""

import pytest

from gateway import config_for
from raw import request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    routes = [
        {"path": "/public/*", "access": "public", "upstream": "site"},
        {"path": "/exact", "access": "public", "upstream": "site", "upstream_path": "/elsewhere/exact"},
        {"path": "/v/*", "access": "public", "upstream": "site", "upstream_path": "/v1/*"},
        {"path": "/get/*", "access": "public", "methods": ["GET"], "upstream": "site"},
        {"path": "/admin/*", "upstream": "site"},
    ]
    return run_for_all(config_for(provider, {"site": upstream_for_all}, routes))


def octets(gateway, target, *lines):
    """Asks for a target of any octets at all."""
    with gateway.raw() as client:
        head = "\r\n".join([f"Host: {gateway.host}", "Accept: */*", *lines, "", ""]).encode()
        return client.ask(
            b"GET " + (target if isinstance(target, bytes) else target.encode("latin-1")) + b" HTTP/1.1\r\n" + head
        )


FORWARDED = [
    ("/public", "/public"),
    ("/public/", "/public/"),
    ("/public/x", "/public/x"),
    ("/public/a/../b", "/public/b"),
    ("/public/./x", "/public/x"),
    ("/admin/../public/x", "/public/x"),
    ("/public//x", "/public/x"),
    ("//public///x", "/public/x"),
    ("/%70ublic/x", "/public/x"),
    ("/public/%7Euser/%41", "/public/~user/A"),
    ("/public/x%20y", "/public/x%20y"),
    ("/public/a+b", "/public/a+b"),
    ("/public/caf%C3%A9", "/public/caf%C3%A9"),
    ("/public/[x]|^{y}", "/public/[x]|^{y}"),
    ("/public/'\"<>`", "/public/'\"<>`"),
    ("/public/a;v=1", "/public/a;v=1"),
    ("/public/a%3bv", "/public/a%3bv"),
    ("/public/%252e%252e/x", "/public/%252e%252e/x"),
    ("/public/x?a=/../admin&b=%2f%00", "/public/x?a=/../admin&b=%2f%00"),
    ("/public/x?", "/public/x?"),
    ("/public/x??a", "/public/x??a"),
    ("/public/...", "/public/..."),
    ("/public/.hidden", "/public/.hidden"),
    ("/public/x/..", "/public/"),
    ("/public/x/.", "/public/x/"),
    ("/exact?a=1", "/elsewhere/exact?a=1"),
    ("/v/x/y?z", "/v1/x/y?z"),
    ("/v", "/v1"),
    ("/get/x", "/get/x"),
]


@pytest.mark.parametrize("target, seen", FORWARDED, ids=[t for t, _ in FORWARDED])
def test_the_site_is_asked_for_the_path_that_was_matched(gateway, upstream, target, seen):
    assert octets(gateway, target).status == 200
    assert [r.target for r in upstream.requests] == [seen]


REFUSED = [
    "/public/%2f",
    "/public/x%2Fy",
    "/public/%5c",
    "/public/%5C..%5Cadmin",
    "/public\\..\\admin",
    "/public/%00",
    "/public/x%00.png",
    "/public/%2e%2e/admin",
    "/public/%2e/x",
    "/public/.%2e/admin",
    "/public/%2E%2E/admin",
    "/public/..;/admin",
    "/public/..;a=b/admin",
    "/public/.;/x",
    "/public/..%3b/admin",
    "/public/%",
    "/public/%4",
    "/public/%zz",
    "/public/%u002e",
    b"/public/\xc0\xaf",
    b"/public/\xe4",
    b"/public/\x01",
    b"/public/\x7f",
    b"/public/\t",
    "/public/#x",
    "/public/x#",
    "/public/..%2fadmin",
    "/public%2f..%2fadmin",
    b"/public/x?\x01",
    b"/public/x?#",
    b"/public/\x00",
    "/public/%2e%2e;/admin",
]


@pytest.mark.parametrize("target", REFUSED, ids=repr)
def test_what_could_be_read_two_ways_is_refused(gateway, upstream, target):
    assert octets(gateway, target).status == 400
    assert upstream.requests == []


PROTECTED = [
    "/admin",
    "/admin/",
    "/admin/x",
    "/public/../admin",
    "/public/../admin/x",
    "/public/./../admin/x",
    "//admin",
    "/public//../admin",
    "/admin//x",
    "/%61dmin",
    "/%61%64%6d%69%6e/x",
    "/admin?x=/public",
    "/admin?/public/",
    "/admin?.css",
    "/public/x/../../admin",
    "/admin;x=/public",
    "/public;/../admin",
]


@pytest.mark.parametrize("target", PROTECTED, ids=repr)
def test_no_spelling_opens_a_protected_path(gateway, upstream, target):
    assert octets(gateway, target).status in (400, 401, 404)
    assert upstream.requests == []


UNKNOWN = ["/publicx", "/x/public", "/PUBLIC/x", "/exact/", "/exactly", "/vx", "/admin.", "/Admin", "/", "/public%20/x"]


@pytest.mark.parametrize("target", UNKNOWN)
def test_a_path_of_no_route_is_not_found(gateway, upstream, target):
    reply = octets(gateway, target)
    assert reply.status == 404 and reply.one("X-Request-Id")
    assert upstream.requests == []


@pytest.mark.parametrize(
    "lines",
    [
        ["X-Original-URL: /public/x"],
        ["X-Rewrite-URL: /public/x"],
        ["X-Forwarded-Uri: /public/x"],
        ["X-Original-URI: /public/x"],
        ["X-Forwarded-Prefix: /public"],
        ["X-HTTP-Method-Override: OPTIONS"],
        ["X-Forwarded-Method: OPTIONS"],
        ["User-Agent: kube-probe/1.2"],
        ["User-Agent: GoogleHC/1.0"],
    ],
    ids=lambda l: l[0],
)
def test_no_field_opens_a_protected_path(gateway, upstream, lines):
    assert octets(gateway, "/admin/x", *lines).status == 401
    assert upstream.requests == []


def test_a_route_for_get_covers_head_and_nothing_else(gateway, upstream):
    assert gateway.ask("HEAD", "/get/x").status == 200
    assert gateway.ask("POST", "/get/x", content="x").status == 404


def test_a_parameter_that_hides_another_route_is_refused(run, provider, upstream):
    routes = [{"path": "/a/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]
    gateway = run(config_for(provider, {"site": upstream}, routes))
    assert octets(gateway, "/a;x/y").status == 400
    assert octets(gateway, "/a/y;x").status == 200


@pytest.mark.parametrize(
    "host, status",
    [
        ("evil.test", 421),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("", 400),
        ("a b", 400),
        ("user@localhost", 400),
        ("localhost:99999", 400),
        ("localhost/x", 400),
    ],
    ids=repr,
)
def test_a_host_that_is_not_ours_is_misdirected(gateway, upstream, host, status):
    assert gateway.ask("GET", "/public/x", host=host).status == status
    assert len(upstream.requests) == (status == 200)


def test_another_loopback_name_leads_to_ours(gateway, upstream):
    reply = gateway.ask("GET", "/public/x?y", host=f"127.0.0.1:{gateway.port}")
    assert reply.status == 308 and reply.one("Location") == gateway.at("/public/x?y")
    assert upstream.requests == []


def test_the_authority_of_an_absolute_target_is_the_host(gateway, upstream):
    with gateway.raw() as client:
        reply = client.ask(request("GET", f"http://{gateway.host}/public/x", gateway.host))
        assert reply.status == 200 and upstream.last.target == "/public/x" and upstream.last.one("Host") == gateway.host
    with gateway.raw() as client:
        assert client.ask(request("GET", "http://evil.test/public/x", gateway.host)).status in (400, 421)
