"""Chromium: the ways of a login that need a browser's own rules, sessions of any size, HTTP/2."""

import time

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from certificates import TestCertificates
from fixtures import usual
from test_kept_sessions import grow
from upstream import answer
from waiting import until

PAGE = answer("<!doctype html><title>the site</title><p>hello", "200 OK", "Content-Type: text/html")


@pytest.fixture
def site(run, provider, upstream):
    """`site(provider settings, session settings)`: everything signed in, a page and an API."""
    upstream.script = lambda r: answer('{"data":{}}', "200 OK", "Content-Type: application/json") if "graphql" in r.target else PAGE

    def start(provider_settings=(), **session):
        config = usual(provider, upstream)
        config["provider"] |= dict(provider_settings)
        config["session"] = session
        return run(config)

    return start


def arrives(driver, url):
    WebDriverWait(driver, 20, 0.1).until(
        lambda d: d.title == "the site" and d.current_url == url, f"at {driver.current_url}: {driver.page_source[:400]}"
    )


def fetched(driver, path, method="GET"):
    """Status and text of a call that the page's script makes."""
    return driver.execute_async_script(
        """const [path, method, done] = arguments
        const asked = {method, headers: {'Content-Type': 'application/json'}, body: method == 'POST' ? '{"query":"{me}"}' : null}
        fetch(path, asked).then(async r => done([r.status, await r.text()]), e => done([0, String(e)]))""",
        path,
        method,
    )


def signs_out(driver, gateway):
    driver.get(gateway.at("/.auth/logout"))
    driver.find_element("css selector", "form[action*='/.auth/logout'] button").click()
    WebDriverWait(driver, 15, 0.1).until(lambda d: "/.auth/signed-out" in d.current_url)


WAYS = {
    "query": ({}, {}),
    "form_post": ({"response_mode": "form_post"}, {}),
    "id_token by form_post": ({"response_type": "id_token", "response_mode": "form_post", "scopes": ["openid"]}, {}),
    "id_token by fragment": ({"response_type": "id_token", "response_mode": "fragment", "scopes": ["openid"]}, {}),
    "strict": ({}, {"cookie": {"same_site": "strict"}}),
    "strict, form_post": ({"response_mode": "form_post"}, {"cookie": {"same_site": "strict"}}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_login_ends_at_the_page_first_asked_for(site, provider, upstream, chromium, way):
    gateway = site(WAYS[way][0], **WAYS[way][1])
    driver = chromium()
    driver.get(gateway.at("/page?a=1"))
    arrives(driver, gateway.at("/page?a=1"))
    assert provider.count("authorize") == 1 and upstream.requests[-1].one("X-Forwarded-User") == "alice-id"
    driver.get(gateway.at("/more"))
    arrives(driver, gateway.at("/more"))
    assert provider.count("authorize") == 1
    # From another site, whose page's links bring no strict cookie at first.
    driver.get(f"{provider.issuer}/.well-known/openid-configuration")
    driver.execute_script("location.href = arguments[0]", gateway.at("/from-elsewhere"))
    arrives(driver, gateway.at("/from-elsewhere"))
    assert provider.count("authorize") == 1
    provider.subject = "bob-id"
    driver.get(gateway.at("/.auth/login?return_to=/as-bob"))
    arrives(driver, gateway.at("/as-bob"))
    assert upstream.requests[-1].one("X-Forwarded-User") == "bob-id" and provider.count("authorize") == 2


@pytest.mark.parametrize("kilobytes", [1, 4, 8, 16, 64])
def test_a_session_of_any_size_is_used_refreshed_and_ended(site, provider, upstream, chromium, kilobytes):
    grow(provider, kilobytes * 1024)
    provider.expires_in = 2
    gateway = site()
    driver = chromium()
    driver.get(gateway.at("/page"))
    arrives(driver, gateway.at("/page"))
    provider.expires_in = 3600
    began = time.time()
    until(lambda: time.time() > began + 2.2, "the token's end")
    status, said = fetched(driver, "/graphql", "POST")
    assert status == 200, said
    assert upstream.requests[-1].one("Authorization") == f"Bearer {provider.access_tokens[-1]}"
    assert len(provider.grants("refresh_token")) == 1
    assert fetched(driver, "/graphql", "POST")[0] == 200 and len(provider.grants("refresh_token")) == 1
    held = driver.execute_cdp_cmd("Network.getCookies", {"urls": [gateway.url]})["cookies"]
    assert sum(len(c["name"]) + len(c["value"]) + 3 for c in held if "login" not in c["name"]) <= 8192
    signs_out(driver, gateway)
    driver.get(gateway.at("/page"))
    arrives(driver, gateway.at("/page"))
    assert provider.count("authorize") == 2, "it has ended"


def test_http2_is_what_chromium_speaks(run, provider, upstream, chromium, tmp_path):
    upstream.script = lambda r: PAGE
    chain, key = map(str, TestCertificates(tmp_path / "certificates").issue())
    config = usual(provider, upstream)
    config["external_url"] = config["external_url"].replace("http:", "https:")
    config["listeners"][0]["tls"] = {"certificates": [{"chain": chain, "key": key}]}
    gateway = run(config)
    driver = chromium("light", "--ignore-certificate-errors")
    driver.get(gateway.at("/page"))
    arrives(driver, gateway.at("/page"))
    spoken = driver.execute_script("return performance.getEntriesByType('navigation')[0].nextHopProtocol")
    assert spoken == "h2", spoken
    assert fetched(driver, "/other")[0] == 200
