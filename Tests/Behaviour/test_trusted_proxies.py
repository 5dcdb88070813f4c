"""Behind a trusted proxy its words count as the client's: host, scheme, address; of a list the last member."""

import pytest

from gateway import config_for
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures

PUBLIC = [{"path": "/*", "access": "public", "upstream": "site"}]


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    config = config_for(
        provider,
        {"site": upstream_for_all},
        PUBLIC,
        external_url="https://portal.test",
        trusted_proxies=["127.0.0.0/8"],
    )
    config["listeners"][0]["tls_terminated"] = True
    return run_for_all(config)


HTTPS = "X-Forwarded-Proto: https"
HOSTS = [
    (["X-Forwarded-Host: portal.test", HTTPS], 200),
    (["X-Forwarded-Host: evil.test", HTTPS], 421),
    (["X-Forwarded-Host: evil.test, portal.test", HTTPS], 200),
    (["X-Forwarded-Host: portal.test, evil.test", HTTPS], 421),
    (["Forwarded: for=192.0.2.1;host=portal.test;proto=https"], 200),
    (["Forwarded: for=192.0.2.1;host=evil.test;proto=https"], 421),
    (["X-Forwarded-Host: portal.test", HTTPS, "Forwarded: for=192.0.2.1;host=evil.test;proto=http"], 200),
]


@pytest.mark.parametrize("lines, status", HOSTS, ids=lambda v: "; ".join(v) if isinstance(v, list) else None)
def test_its_host_is_the_host(gateway, upstream, lines, status):
    """Whatever the Host field itself says, here the opposite."""
    host = "portal.test" if status == 421 else "inside.test"
    assert gateway.ask("GET", "/x", *lines, host=host).status == status
    assert len(upstream.requests) == (status == 200)


def test_http_is_led_to_https_and_what_was_sent_in_clear_is_refused(gateway, upstream):
    reply = gateway.ask("GET", "/x?y", "X-Forwarded-Proto: http")
    assert (reply.status, reply.one("Location")) == (308, "https://portal.test/x?y")
    assert gateway.ask("HEAD", "/x", "X-Forwarded-Proto: http").status == 308
    assert gateway.ask("GET", "/x", "X-Forwarded-Proto: https, http").status == 308
    assert gateway.ask("POST", "/x", "X-Forwarded-Proto: http", content="x").status == 403
    assert upstream.requests == []
    assert gateway.ask("GET", "/x", "X-Forwarded-Proto: http, https").status == 200


def test_the_address_is_walked_from_the_right(gateway, upstream):
    gateway.ask("GET", "/x", "X-Forwarded-Proto: https", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 127.0.0.2")
    line = gateway.until_logged(lambda e: e["event"] == "request" and e["client"].startswith("203."), "its address")
    assert line["client"].startswith("203.0.113.9") and line["path"] == "/x"


def test_what_was_not_read_is_not_passed_on(gateway, upstream):
    gateway.ask("GET", "/x", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9", "Forwarded: for=evil;host=evil")
    assert "evil" not in str(upstream.last.fields)


def test_hsts_is_on_every_answer_under_https(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, PUBLIC, external_url="https://portal.test", hsts="30d")
    config["listeners"][0]["tls_terminated"] = True
    gateway = run(config)
    for target in ("/x", "/%2f", "/.auth/signed-out"):
        assert gateway.ask("GET", target).one("Strict-Transport-Security") == "max-age=2592000", target
