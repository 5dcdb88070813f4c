"""What an operator sees: one JSON line an event, names that stay, and never a secret."""

import re

from waiting import until


def test_every_line_is_an_event_with_its_own_fields(signed_in, gateway):
    signed_in.open(gateway.at("/page?secret=query"))
    line = gateway.until_logged(
        lambda e: e.get("event") == "request" and e.get("path") == "/page", "the request's line"
    )
    for name in (
        "time",
        "level",
        "event",
        "request",
        "client",
        "method",
        "host",
        "path",
        "status",
        "bytes",
        "duration_ms",
        "route",
        "upstream",
        "subject",
    ):
        assert name in line, name
    assert (line["method"], line["status"], line["upstream"], line["subject"]) == ("GET", 200, "site", "alice-id")
    assert (
        line["client"].startswith("127.0.0.1")
        and line["host"] in (gateway.host, "localhost")
        and line["bytes"] > 0
        and line["duration_ms"] >= 0
    )
    assert all({"time", "level", "event"} <= set(e) for e in gateway.log)


def test_the_id_in_the_log_is_the_one_the_client_was_told(gateway):
    answer = gateway.ask("GET", "/page")
    gateway.until_logged(lambda e: e.get("request") == answer.one("X-Request-Id"), "the line of that request")


def test_a_request_that_could_not_be_read_has_its_reason_in_the_log(gateway):
    with gateway.raw() as client:
        answer = client.ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert answer.status == 400
    entry = gateway.until_logged(
        lambda e: e.get("request") == answer.one("X-Request-Id") and e["event"] != "request", "the reason"
    )
    assert entry["code"] == answer.json["code"] and entry["reason"]


def test_no_secret_is_ever_in_the_log(gateway, provider):
    provider.expires_in = 1
    browser = gateway.browser()
    browser.open(gateway.at("/page?secret=query-value"))
    until(
        lambda: browser.graphql(gateway.at("/graphql"), "{me}").status == 200 and provider.grants("refresh_token"),
        "a refresh",
    )
    browser.open(gateway.at("/.auth/callback?code=a-stolen-code&state=a-forged-state"))
    gateway.ask("GET", "/page", "Authorization: Bearer a-clients-bearer", "Cookie: gatehouse=a-forged-cookie")
    provider.claims = lambda c: {**c, "nonce": "a-wrong-nonce"}
    gateway.browser().open(gateway.at("/page"))
    browser.submit(browser.open(gateway.at("/.auth/logout")), form="/.auth/logout")
    gateway.until_logged(lambda e: e.get("event") == "request" and e.get("path") == "/.auth/logout", "the logout")
    said = gateway.said + gateway.process.output
    secrets = {
        "s3cret",
        "query-value",
        "a-stolen-code",
        "a-forged-state",
        "a-clients-bearer",
        "a-forged-cookie",
        *provider.access_tokens,
    }
    for call in provider.calls_of("token"):
        secrets |= {v for n, v in call.form.items() if n in ("code", "code_verifier", "refresh_token", "client_secret")}
    for call in provider.calls_of("authorize"):
        secrets |= {call.query["state"], call.query["nonce"]}
    for _, line in browser.set_cookie_lines:
        value = line.split(";")[0].partition("=")[2]
        secrets |= {value} if len(value) > 8 else set()
    found = [s for s in secrets if s in said]
    assert not found, f"in the log: {found}"


def test_what_a_stranger_writes_cannot_forge_a_line(gateway):
    gateway.ask("GET", '/page"}%0a{"event":"forged"}', 'User-Agent: x"}{"event":"forged', 'X-Request-Id: a"b{}')
    gateway.ask("GET", "/after")
    gateway.until_logged(lambda e: e.get("path") == "/after", "the next line")
    assert not gateway.events("forged")


NAMES = {
    "gatehouse_requests_total": {"route", "method", "code"},
    "gatehouse_request_duration_seconds_bucket": {"route", "le"},
    "gatehouse_upstream_duration_seconds_bucket": {"upstream", "le"},
    "gatehouse_logins_total": {"outcome", "reason"},
    "gatehouse_token_refreshes_total": {"outcome"},
    "gatehouse_sessions_opened_total": {"outcome"},
    "gatehouse_connections": {"listener", "state"},
    "gatehouse_config_reloads_total": {"outcome"},
    "gatehouse_provider_keys_age_seconds": set(),
    "gatehouse_build_info": set(),
}


def samples(text):
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sample = re.fullmatch(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)(?: \d+)?', line)
            assert sample, f"no Prometheus sample: {line}"
            yield sample[1], dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or "")), float(sample[3])


def test_the_metrics_have_the_names_and_labels_dashboards_rely_on(gateway, provider):
    provider.expires_in = 1
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    until(
        lambda: browser.graphql(gateway.at("/graphql"), "{me}").status == 200 and provider.grants("refresh_token"),
        "a refresh",
    )
    gateway.ask("BREW", "/public/x")
    status, text = gateway.admin("/metrics")
    found = {}
    for name, labels, _ in samples(text):
        found.setdefault(name, set()).update(labels)
    for name, labels in NAMES.items():
        assert name in found, f"{name} is missing"
        assert labels <= found[name], f"{name} lacks {labels - found[name]}"
    every = list(samples(text))
    assert len({(n, tuple(sorted(l.items()))) for n, l, _ in every}) == len(every), "no sample twice"
    assert {l["method"] for n, l, _ in every if n == "gatehouse_requests_total"} <= {"GET", "POST", "HEAD", "OTHER"}
    assert {l["outcome"] for _, l, _ in every if "outcome" in l} <= {"success", "failure"}


def test_requests_and_logins_are_counted(gateway):
    before = gateway.metric("gatehouse_requests_total")
    gateway.browser().open(gateway.at("/"))
    for _ in range(5):
        gateway.ask("GET", "/public/x")
    assert gateway.metric("gatehouse_logins_total", outcome="success") == 1
    assert gateway.metric("gatehouse_requests_total") >= before + 8
    assert gateway.metric("gatehouse_requests_total", code="303") == 2


def test_the_admin_listener_answers_there_and_nowhere_else(gateway):
    for path in ("/livez", "/readyz", "/metrics", "/"):
        assert gateway.admin(path)[0] == 200, path
    assert gateway.admin("/nothing")[0] == 404
    for path in ("/livez", "/readyz", "/metrics"):
        assert gateway.ask("GET", path).status == 401, "on the public listener it is a path like any other"
