"""What the site is told of the visitor: one reading of each field, and none that the visitor wrote."""

import pytest

from gateway import config_for
from raw import request

FIELDS = ["X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Groups"]


def spelled_like(name):
    """Every octet that is no letter or digit counts as `-`, in any case."""
    return [
        name,
        name.lower(),
        name.upper(),
        name.replace("-", "_"),
        name.replace("-", "_", 1),
        name.replace("-", "."),
        name.replace("-", "~"),
        name.replace("-", "*"),
        name.lower().replace("-", "_"),
        name.replace("-", "!", 1).replace("-", "'"),
    ]


SPOOFS = [spelling for name in FIELDS for spelling in spelled_like(name)]
like = lambda name: "".join(c if c.isalnum() else "-" for c in name.lower())


def test_the_site_is_told_who_is_signed_in(signed_in, gateway, upstream):
    signed_in.open(gateway.at("/page"))
    assert [upstream.last.one(name) for name in FIELDS] == ["alice-id", "alice@example.com", "alice", "readers,writers"]


@pytest.mark.parametrize("path", ["/public/x", "/optional/x"])
def test_nobody_signed_in_means_none_of_them_however_spelled(gateway, upstream, path):
    gateway.ask("GET", path, *[f"{name}: root" for name in SPOOFS])
    assert not {like(n) for n, _ in upstream.last.fields} & {like(f) for f in FIELDS}


@pytest.mark.parametrize("spelling", spelled_like("X-Forwarded-User"))
def test_a_visitor_cannot_be_someone_else(signed_in, gateway, upstream, spelling):
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    gateway.ask("GET", "/page", cookie, f"{spelling}: root", f"{spelling}:", f"{spelling}: root, admin")
    assert [v for n, v in upstream.last.fields if like(n) == "x-forwarded-user"] == ["alice-id"]


@pytest.mark.parametrize(
    "connection",
    [
        ["close, X-Forwarded-User, X-Forwarded-Email"],
        ["", "X-Forwarded-User"],
        ['x_forwarded_user,,;"x"'],
        ["X-Forwarded-User, " * 100 + "x"],
        ["X-Forwarded-For, X-Forwarded-Proto, Via, Host, Authorization, Cookie"],
    ],
    ids=["named", "an empty one first", "junk", "many", "fields of the proxy"],
)
def test_naming_a_field_in_connection_takes_none_of_ours_away(signed_in, gateway, upstream, connection):
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    answer = gateway.ask("GET", "/page", cookie, *[f"Connection: {c}" for c in connection])
    if answer.status == 400:
        return  # junk may be refused altogether
    for name, value in (
        ("X-Forwarded-User", "alice-id"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", "127.0.0.1"),
    ):
        assert upstream.last.one(name) == value
    assert upstream.last.one("Via") and "x-forwarded-user" not in (upstream.last.one("Connection") or "").lower()


def test_trailers_carry_no_identity(gateway, signed_in, upstream):
    head = ["Transfer-Encoding: chunked", "TE: trailers", f"Cookie: {signed_in.cookie_field(gateway.url)}"]
    with gateway.raw() as client:
        answer = client.ask(
            request("POST", "/page", gateway.host, *head),
            "2\r\nhi\r\n0\r\nX-Forwarded-User: root\r\nX_Forwarded_User: root\r\n\r\n",
        )
    if answer.status == 200:
        assert not [n for n, _ in upstream.last.trailers if like(n) == "x-forwarded-user"]
        assert upstream.last.one("X-Forwarded-User") == "alice-id"


CLAIMS = [
    ("text outside ASCII", {"preferred_username": "Zoë 李"}, "X-Forwarded-Preferred-Username", "Zo%C3%AB %E6%9D%8E"),
    ("a line break", {"preferred_username": "a\r\nX-Admin: 1"}, "X-Forwarded-Preferred-Username", "a%0D%0AX-Admin: 1"),
    ("a NUL and a delete", {"preferred_username": "a\0b\x7f"}, "X-Forwarded-Preferred-Username", "a%00b%7F"),
    ("a per cent sign", {"preferred_username": "100%41"}, "X-Forwarded-Preferred-Username", "100%2541"),
    ("spaces at the ends", {"preferred_username": " a b "}, "X-Forwarded-Preferred-Username", "%20a b%20"),
    ("a comma in a text stays", {"preferred_username": "Doe, Jane"}, "X-Forwarded-Preferred-Username", "Doe, Jane"),
    ("a number", {"preferred_username": 42}, "X-Forwarded-Preferred-Username", "42"),
    ("a boolean", {"preferred_username": True}, "X-Forwarded-Preferred-Username", "true"),
    ("an object", {"preferred_username": {"a": 1}}, "X-Forwarded-Preferred-Username", None),
    ("null", {"preferred_username": None}, "X-Forwarded-Preferred-Username", None),
    ("an empty text", {"preferred_username": ""}, "X-Forwarded-Preferred-Username", None),
    ("a list with a comma inside", {"groups": ["a,admin", "b"]}, "X-Forwarded-Groups", "a%2Cadmin,b"),
    (
        "a list of all kinds",
        {"groups": ["x", None, "", {"a": 1}, 5, False, " y "]},
        "X-Forwarded-Groups",
        "x,5,false,%20y%20",
    ),
    ("an empty list", {"groups": []}, "X-Forwarded-Groups", None),
    ("one group as a text", {"groups": "a,admin"}, "X-Forwarded-Groups", "a%2Cadmin"),
    (
        "a list where a text was expected",
        {"preferred_username": ["a,b", "c"]},
        "X-Forwarded-Preferred-Username",
        "a%2Cb,c",
    ),
    ("an unverified address", {"email_verified": False}, "X-Forwarded-Email", None),
    ("an unverified address, as text", {"email_verified": "false"}, "X-Forwarded-Email", None),
    ("an address nobody speaks about", {"email_verified": None}, "X-Forwarded-Email", "alice@example.com"),
]


@pytest.mark.parametrize("what, claims, name, value", CLAIMS, ids=[c[0] for c in CLAIMS])
def test_a_claim_is_one_line_with_one_reading(gateway, provider, upstream, what, claims, name, value):
    provider.user.update(claims)
    assert gateway.browser().open(gateway.at("/")).status == 200
    assert upstream.last.one(name) == value
    assert not upstream.last.all("X-Admin") and not upstream.faults


def test_fields_and_their_claims_can_be_chosen(run, provider, upstream):
    provider.user["department"] = "Grid"
    routes = [{"path": "/bare/*", "upstream": "site", "identity": False}, {"path": "/*", "upstream": "site"}]
    gateway = run(
        config_for(
            provider, {"site": upstream}, routes, identity={"headers": {"X-Who": "name", "X-Department": "department"}}
        )
    )
    browser = gateway.browser()
    browser.open(gateway.at("/"), fields={"x_department": "Finance", "X-Forwarded-User": "root"})
    assert (upstream.last.one("X-Who"), upstream.last.one("X-Department")) == ("Alice Example", "Grid")
    assert not upstream.last.all("x_department") and not upstream.last.all("X-Forwarded-User")
    browser.open(gateway.at("/bare/x"), fields={"X-Department": "Finance"})
    assert not upstream.last.all("X-Department") and not upstream.last.all("X-Who")


DROPPED = [
    "Proxy",
    "X-Real-IP",
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-Client-Cert",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Verify",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Prefix",
    "X-Forwarded-Client-Cert",
    "x_real_ip",
    "X_Forwarded_Host",
    "X.SSL.Client.Verify",
]


def test_what_only_a_trusted_proxy_may_say_is_dropped_from_others(gateway, upstream):
    gateway.ask(
        "GET",
        "/public/x",
        *[f"{name}: evil" for name in DROPPED],
        "X-Forwarded-For: 1.2.3.4",
        "Forwarded: for=1.2.3.4;host=evil;proto=https",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Port: 1",
    )
    assert not {like(n) for n, _ in upstream.last.fields} & {like(n) for n in DROPPED} - {"x-forwarded-host"}
    assert upstream.last.one("X-Forwarded-For") == "127.0.0.1"
    assert upstream.last.one("X-Forwarded-Proto") == "http"
    assert upstream.last.one("X-Forwarded-Host") == gateway.host
    assert upstream.last.one("X-Forwarded-Port") == str(gateway.port)
    assert "evil" not in upstream.last.one("Forwarded") and "1.2.3.4" not in upstream.last.one("Forwarded")
    assert upstream.last.one("Via") and upstream.last.one("X-Request-Id") and upstream.last.one("traceparent")


def test_a_trusted_proxy_is_believed(run, provider, upstream):
    gateway = run(
        config_for(
            provider,
            {"site": upstream},
            [{"path": "/*", "access": "public", "upstream": "site"}],
            trusted_proxies=["127.0.0.0/8"],
        )
    )
    gateway.ask(
        "GET", "/x", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", f"X-Forwarded-Host: {gateway.host}"
    )
    assert upstream.last.one("X-Forwarded-For").replace(" ", "") == "203.0.113.9,127.0.0.1"
    assert upstream.last.one("X-Forwarded-Proto") == "https"


def test_request_ids_and_traces_are_passed_or_made(gateway, upstream):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    gateway.ask("GET", "/public/x", f"traceparent: {trace}")
    assert upstream.last.one("traceparent").split("-")[1] == trace.split("-")[1]
    gateway.ask("GET", "/public/x")
    first, made = upstream.last.one("X-Request-Id"), upstream.last.one("traceparent")
    gateway.ask("GET", "/public/x")
    assert first != upstream.last.one("X-Request-Id") and made != upstream.last.one("traceparent")
