"""`gatehouse check`: every problem of a file in one run, each with its line, column, key and remedy."""

import re
import time
from dataclasses import dataclass

import pytest

from gateway import command
from provider import Reply

GOOD = """\
external_url: https://portal.example.com
listeners:
  - address: 127.0.0.1:8080
    tls_terminated: true
hsts: 30d
provider:
  issuer: https://login.example.com
  client_id: portal
  client_secret: { env: PORTAL_SECRET }
  scopes: [openid, offline_access]
session:
  keys: { file: session.keys }
upstreams:
  site: { url: http://127.0.0.1:3000 }
  api: { url: https://api.example.com }
routes:
  - { path: /assets/*, access: public, upstream: site }
  - { path: /graphql, graphql: true, upstream: api, upstream_path: /util/graphql }
  - { path: /*, upstream: site }
"""

PROBLEM = re.compile(
    r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<key>[^:\n]+): (?P<what>.+(?:\n[ \t]+.+)*)$", re.M
)


@pytest.fixture
def check(tmp_path):
    """Runs `check` on a text; its exit code, what it said, and the problems in it."""
    assert command("keys", "new", tmp_path / "session.keys").returncode == 0

    def run(text, name="gatehouse.yaml"):
        file = tmp_path / name
        file.write_text(text)
        done = command("check", "--config", file, environment={"PORTAL_SECRET": "s3cret"})
        said = done.stdout + done.stderr
        return done.returncode, said, list(PROBLEM.finditer(said))

    return run


def test_a_good_file_passes_and_its_redirect_uris_are_printed(check):
    code, said, problems = check(GOOD)
    assert code == 0 and all(p["what"].startswith("warning") for p in problems), said
    assert not [p for p in problems if p["key"] != "session.state_directory"], "a restart forgets, and no more"
    assert "https://portal.example.com/.auth/callback" in said


def test_each_hosts_and_providers_redirect_uri_is_printed(check):
    code, said, _ = check(
        GOOD.replace("provider:\n", "providers:\n  main:\n")
        .replace("  issuer", "    issuer")
        .replace("  client_", "    client_")
        .replace("  scopes", "    scopes")
        .replace("{ path: /assets/*,", "{ path: /assets/*, host: assets.example.com,")
    )
    assert code == 0, said
    assert (
        "https://portal.example.com/.auth/callback/main" in said
        and "https://assets.example.com/.auth/callback/main" in said
    )


@dataclass
class Broken:
    what: str
    old: str
    new: str
    key: str  # how the key that is named ends
    remedy: str  # what the message must say, as a pattern
    at: str | None = None  # the text the position must point at; default: what was put in

    def __str__(self):
        return self.what


ROWS = [
    Broken("a misspelt key", "upstreams:", "upstrems:", "upstrems", r"upstreams"),
    Broken("a misspelt key inside", "client_id: portal", "client_ident: portal", "client_ident", r"client_id"),
    Broken(
        "a plain external address", "https://portal.example.com", "http://portal.example.com", "external_url", r"https"
    ),
    Broken("a provider over http", "https://login.example.com", "http://login.example.com", "issuer", r"https"),
    Broken("a duration without its unit", "hsts: 30d", "hsts: 30", "hsts", r"30s|30d|15m|unit|duration", at="30"),
    Broken("an upstream nobody defined", "upstream: api", "upstream: apo", "upstream", r"api", at="apo"),
    Broken("a word that is no choice", "access: public", "access: publik", "access", r"public", at="publik"),
    Broken(
        "an upstream with a path",
        "http://127.0.0.1:3000",
        "http://127.0.0.1:3000/app",
        "url",
        r"path|origin|upstream_path",
    ),
    Broken("a star in the middle of a path", "path: /assets/*", "path: /ass*ets", "path", r"/\*", at="/ass*ets"),
    Broken("a port too large", "127.0.0.1:8080", "127.0.0.1:80800", "address", r"65535|port"),
    Broken(
        "a plain listener under https",
        "  - address: 127.0.0.1:8080\n    tls_terminated: true\n",
        "  - address: 0.0.0.0:8080\n",
        "tls_terminated|tls|listeners.*|address",
        r"tls_terminated",
        at="0.0.0.0:8080",
    ),
    Broken(
        "no openid among the scopes",
        "scopes: [openid, offline_access]",
        "scopes: [profile]",
        "scopes",
        r"openid",
        at="[profile]",
    ),
    Broken(
        "a secret that is not there",
        "{ env: PORTAL_SECRET }",
        "{ env: PORTAL_SECRIT }",
        r"client_secret(\.env)?",
        r"PORTAL_SECRIT",
        at=None,
    ),
    Broken(
        "a secret file that is not there",
        "{ env: PORTAL_SECRET }",
        "{ file: gone }",
        r"client_secret(\.file)?",
        r"gone",
    ),
    Broken("the wrong kind of value", "routes:\n", "routes: {}\nrowtes:\n", "routes", r"list", at="{}"),
    Broken(
        "the same key twice",
        "hsts: 30d",
        "hsts: 30d\nhsts: 31d",
        "hsts",
        r"twice|already|once|again|line",
        at="hsts: 31d",
    ),
    Broken(
        "a header name that is none",
        "upstreams:",
        'identity: { headers: { "X Bad": sub } }\nupstreams:',
        "headers.*",
        r"name|field|token",
        at='"X Bad"',
    ),
    Broken(
        "a cookie name that is none",
        "  keys: { file: session.keys }",
        '  keys: { file: session.keys }\n  cookie: { name: "a b" }',
        "name",
        r"name|cookie",
        at='"a b"',
    ),
]


def position(text, part):
    before = text[: text.index(part)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_problem_is_named_with_its_place_and_remedy(check, row):
    assert GOOD.count(row.old) >= 1
    text = GOOD.replace(row.old, row.new, 1)
    code, said, problems = check(text)
    assert code == 1, said
    named = [p for p in problems if re.search(rf"(^|\.|\])({row.key})$", p["key"])]
    assert named, f"no problem names {row.key}:\n{said}"
    problem = named[0]
    assert problem["file"].endswith("gatehouse.yaml") and re.search(row.remedy, problem["what"]), said
    where = row.at or row.new
    line, column = position(text, where)
    assert int(problem["line"]) == line, f"line {problem['line']}, expected {line}:\n{said}"
    first = len(text.splitlines()[line - 1]) - len(text.splitlines()[line - 1].lstrip(" -")) + 1
    assert first <= int(problem["column"]) <= column + len(where), f"column {problem['column']}:\n{said}"


def test_all_problems_are_found_in_one_run(check):
    text = GOOD
    chosen = [
        row
        for row in ROWS
        if row.what
        not in (
            "a misspelt key",
            "the wrong kind of value",
            "a secret file that is not there",
            "a plain listener under https",
        )
    ]
    for row in chosen:
        if row.old in text:
            text = text.replace(row.old, row.new, 1)
    code, said, problems = check(text)
    assert code == 1
    keys = [p["key"] for p in problems]
    for row in chosen:
        assert any(
            re.search(rf"(^|\.|\])({row.key})$", key) for key in keys
        ), f"{row.what} ({row.key}) is missing in:\n{said}"
    assert len(problems) >= 10


@pytest.mark.parametrize(
    "text, line",
    [
        ("external_url: [\n", None),
        ("a: b: c\n", 1),
        ("\tx: 1\n", 1),
        ("", 1),
        ("- a\n", 1),
        ("just words\n", 1),
        ("a: *b\n", 1),
        ("a: &x {b: *x}\n", None),
    ],
    ids=repr,
)
def test_what_is_no_configuration_at_all_is_a_problem_with_a_place(check, text, line):
    code, said, _ = check(text)
    assert code == 1 and re.search(r"gatehouse\.yaml:\d+:\d+: ", said), said
    if line:
        assert f"gatehouse.yaml:{line}:" in said


def test_a_file_that_is_not_there_is_said(tmp_path):
    done = command("check", "--config", tmp_path / "gone.yaml")
    assert done.returncode != 0 and "gone.yaml" in done.stdout + done.stderr


WARNINGS = [
    ("a secret in the file", GOOD.replace("{ env: PORTAL_SECRET }", "a-secret"), "client_secret"),
    ("a route that nothing reaches", GOOD.replace("routes:\n", "routes:\n  - { path: /*, upstream: site }\n"), "path"),
    ("no keys", GOOD.replace("  keys: { file: session.keys }\n", "  idle_timeout: 30m\n"), "session|keys"),
    ("no hsts under https", GOOD.replace("hsts: 30d\n", ""), "hsts"),
    ("a token sent in clear", GOOD.replace("https://api.example.com", "http://api.example.com"), "url|api|upstream"),
    (
        "a route narrowed while a weaker one covers it",
        GOOD.replace(
            "{ path: /assets/*,", "{ path: /assets/admin/*, methods: [GET], upstream: site }\n  - { path: /assets/*,"
        ),
        "methods|path",
    ),
]


@pytest.mark.parametrize("what, text, key", WARNINGS, ids=[w for w, _, _ in WARNINGS])
def test_a_warning_alone_is_no_failure(check, what, text, key):
    code, said, _ = check(text)
    assert code == 0, said
    assert re.search(key, said) and "warning" in said.lower(), said
    assert "a-secret" not in said


def test_run_refuses_a_broken_file_in_the_same_words(tmp_path, check):
    text = GOOD.replace("access: public", "access: publik")
    _, said, problems = check(text)
    done = command("run", "--config", tmp_path / "gatehouse.yaml", environment={"PORTAL_SECRET": "s3cret"})
    assert done.returncode == 1 and problems[0]["key"] in done.stdout + done.stderr


@pytest.fixture
def online(provider, certificates, tmp_path):
    """Runs `check --online` with an upstream over https, under the test CA; its exit code and what it said."""
    from gateway import config_for, yaml
    from upstream import RecordingUpstream

    upstream = RecordingUpstream(tls=certificates.server_context())
    file = tmp_path / "gatehouse.yaml"

    def run(**more):
        config = config_for(provider, {"site": f"https://localhost:{upstream.port}"})
        config["upstreams"]["site"].update(more)
        file.write_text(yaml(config) + "\n")
        done = command("check", "--config", file, "--online")
        return done.returncode, done.stdout + done.stderr

    run.upstream = upstream
    yield run
    if upstream.is_open:
        upstream.close()


def test_online_asks_the_provider_and_the_upstreams(online, provider, certificates):
    code, said = online(ca_file=str(certificates.ca))
    assert code == 0 and provider.issuer in said and "clock" in said and "key" in said, said
    assert {r.method for r in online.upstream.requests} <= {"HEAD"}
    code, said = online()
    assert code == 1 and "certificate" in said and "site" in said, said
    online.upstream.close()
    code, said = online(ca_file=str(certificates.ca))
    assert code == 1 and "site" in said, said
    provider.stop()
    code, said = online()
    assert code == 1 and "provider" in said and "fix" in said, said


def test_online_never_calls_a_certificate_good_that_it_did_not_prove(online, certificates):
    code, said = online(ca_file=str(certificates.ca), server_name="other.test")
    assert "site" in said and (code == 1 or "not checked" in said), said


TROUBLES = [
    ("nothing", lambda p: None, {}, 0, ["it takes http://localhost", "it takes our client, by client_secret_basic"]),
    ("a redirect URI that is not registered", lambda p: setattr(p, "redirect_uris", ["https://other.test/"]), {}, 1, ["problem", "register http://localhost"]),
    ("a wrong secret", lambda p: None, {"client_secret": "wrong"}, 1, ["problem", "does not take our client", "provider.client_id"]),
    ("a refused scope", lambda p: p.on.update(authorize=lambda c: p.send_back(c.query, error="invalid_scope")), {}, 1, ["refuses the scopes", "provider.scopes"]),
    ("a flow that is not allowed", lambda p: p.on.update(authorize=lambda c: p.send_back(c.query, error="unauthorized_client")), {}, 1, ["response_type=code"]),
    ("an error nobody knows", lambda p: p.on.update(authorize=lambda c: p.send_back(c.query, error="x-y")), {}, 0, ["warning", "x-y"]),
    ("nobody signed in, by a form", lambda p: p.on.update(authorize=lambda c: p.send_back(c.query, error="login_required")), {"response_mode": "form_post"}, 0, ["ok", "it takes http://localhost"]),
    ("a page, though none was to be shown", lambda p: p.on.update(authorize=lambda c: Reply(200, "<h1>Sign in</h1>")), {}, 0, ["warning", "sign in once by hand"]),
    ("another place", lambda p: p.on.update(authorize=lambda c: Reply(302, "", [("Location", "https://other.test/ui")])), {}, 0, ["warning", "https://other.test/ui"]),
    ("no keys", lambda p: setattr(p, "keys", []), {}, 1, ["no key in its key set can be used"]),
    ("a push that is refused", lambda p: (p.metadata.update(pushed_authorization_request_endpoint=p.issuer + "/par", require_pushed_authorization_requests=True), p.on.update(par=lambda c: Reply(401, {"error": "invalid_client"}))), {}, 1, ["refuses an authorization request", "invalid_client"]),
    ("a clock that differs", lambda p: p.on.update(discovery=lambda c: late(p)), {}, 1, ["clock is"]),
]  # fmt: skip


def late(provider):
    """The metadata from a machine whose clock is an hour ahead."""
    from email.utils import formatdate

    content = provider.discovery(None).content
    fields = f"HTTP/1.1 200 OK\r\nDate: {formatdate(time.time() + 3600, usegmt=True)}\r\nContent-Length: {len(content)}\r\n\r\n"
    return Reply(raw=fields.encode() + content)


@pytest.mark.parametrize("what, bend, settings, code, words", TROUBLES, ids=[t[0] for t in TROUBLES])
def test_online_asks_what_a_first_login_would(provider, upstream, tmp_path, what, bend, settings, code, words):
    """Before go-live, and in a person's words: redirect URI, scopes, flow, client authentication, keys, clock."""
    from gateway import config_for, yaml

    bend(provider)
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config_for(provider, {"site": upstream}, provider=settings)) + "\n")
    done = command("check", "--config", file, "--online")
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert all(word in said for word in words), said
    assert not provider.access_tokens and "s3cret" not in said, "nobody was signed in, and no secret was said"


def test_online_names_the_provider_that_it_speaks_of(provider, upstream, tmp_path):
    from gateway import config_for, yaml

    config = config_for(provider, {"site": upstream})
    config["providers"] = {"staff": {**config.pop("provider"), "client_secret": "wrong"}}
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config) + "\n")
    done = command("check", "--config", file, "--online")
    assert done.returncode == 1 and "problem: staff:" in done.stdout and "providers.staff.client_id" in done.stdout


def test_online_asks_the_shared_store(provider, upstream, tmp_path):
    from gateway import config_for, yaml
    from stores import Store
    from waiting import free_port

    def said(url):
        file = tmp_path / "gatehouse.yaml"
        config = config_for(provider, {"site": upstream}, session={"redis": {"url": url}})
        file.write_text(yaml(config) + "\n")
        done = command("check", "--config", file, "--online")
        return done.returncode, done.stdout + done.stderr

    code, text = said(f"redis://127.0.0.1:{free_port()}")
    assert code == 1 and "problem: redis:" in text and "session.redis" in text, text
    redis = Store(tmp_path / "redis")
    try:
        code, text = said(f"redis://127.0.0.1:{redis.port}")
        assert code == 0 and "ok: redis: answers" in text, text
    finally:
        redis.stop()
