"""What every refused login has in common, checked in one place."""

import re


def refused(page, gateway, upstream, status):
    """A page with a stable code and the request's id; nothing reached the site; the log has the reason."""
    assert page.status == status, f"{page.status} at {page.url}: {page.text[:800]}"
    assert page.media_type == "text/html" and "no-store" in page.one("Cache-Control")
    request = page.one("X-Request-Id")
    assert request and request in page.text, "a person can read the request's id"
    assert upstream.requests == [], "nothing reached the site"
    assert "<script" not in page.text
    if status == 503:
        assert int(page.one("Retry-After")) >= 0
    entry = gateway.until_logged(
        lambda e: e.get("request") == request and e.get("event") != "request", "the reason in the log"
    )
    assert not any(c.name == "gatehouse" for c in page_cookies(page)), "no session"
    return reason_of(gateway, page), entry


def page_cookies(page):
    from browser import Cookie

    names = [line.split("=")[0] for line in page.all("Set-Cookie") if "max-age=0" not in line.lower()]
    return [Cookie(name, "", "") for name in names]


def reason_of(gateway, page):
    """The error code: the metric's reason that the page shows, too."""
    text = gateway.admin("/metrics")[1]
    reasons = set()
    for line in text.splitlines():
        if line.startswith("gatehouse_logins_total{") and 'outcome="failure"' in line and not line.endswith(" 0"):
            reasons.add(re.search(r'reason="([^"]*)"', line)[1])
    shown = [r for r in reasons if r and r in page.text]
    assert shown, f"the page shows none of the reasons {reasons}: {page.text[:800]}"
    return shown[0]
