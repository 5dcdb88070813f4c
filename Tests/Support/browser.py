"""A browser as far as a gateway can tell: cookies, fetch metadata, redirects, forms. No script runs.

It keeps the rules that matter to a login: cookies by host with Secure, HttpOnly, SameSite, Path, Max-Age and the
`__Host-` prefix; `Sec-Fetch-*` as Chromium sends them, `Sec-Fetch-Site` over the whole redirect chain; `Origin` and
`Referer`. An https origin may be mapped to a plain address, for a gateway behind a TLS terminator.
"""

import contextlib
import email.utils
import html
import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from raw import Answer
from waiting import DEADLINE

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
REDIRECTS_MAX = 15


def origin_of(url):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def site_of(url):
    """Scheme and registrable name: ports do not count."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = host if re.fullmatch(r"[\d.]+|.*:.*", host) else ".".join(host.split(".")[-2:])
    return parts.scheme, name


@dataclass
class Page(Answer):
    """An answer, and how the browser came to it: `history` has the answers before it, `url` its own address."""

    url: str = ""
    method: str = "GET"
    history: list = field(default_factory=list)

    @property
    def location(self):
        return urljoin(self.url, self.one("Location")) if self.one("Location") else None

    @property
    def forms(self):
        return _Forms.read(self.text)

    @property
    def links(self):
        return [urljoin(self.url, html.unescape(h)) for h in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', self.text)]

    @property
    def path(self):
        parts = urlsplit(self.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")


class _Forms(HTMLParser):
    """The forms of a page: action, method, and the values they would send."""

    def __init__(self):
        super().__init__()
        self.found, self.open = [], None

    @classmethod
    def read(cls, text):
        parser = cls()
        parser.feed(text)
        return parser.found

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        if tag == "form":
            self.open = {
                "action": has.get("action") or "",
                "method": (has.get("method") or "get").upper(),
                "values": {},
                "buttons": [],
            }
            self.found.append(self.open)
        elif self.open is None or not has.get("name") or tag not in ("input", "button", "textarea", "select"):
            return
        elif tag == "button" or has.get("type") == "submit":
            self.open["buttons"].append((has["name"], has.get("value") or ""))
        elif has.get("type") not in ("checkbox", "radio") or "checked" in has:
            self.open["values"][has["name"]] = has.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None


@dataclass
class Cookie:
    name: str
    value: str
    host: str
    path: str = "/"
    secure: bool = False
    http_only: bool = False
    same_site: str = "lax"
    expires: float | None = None
    line: str = ""


class Browser:
    """One profile: `open` navigates, `fetch` calls as a page's script would, `submit` sends a form."""

    def __init__(self, ca=None, addresses=None, language="en", deadline=DEADLINE):
        self.deadline = deadline
        self.cookies = []
        self.set_cookie_lines = []  # every Set-Cookie that came: (url, line)
        self.requests = []  # every request that went: (method, url)
        self.addresses = addresses or {}  # origin -> (host, port) served without TLS
        self.language = language
        self._tls = (
            ca.client_context()
            if hasattr(ca, "client_context")
            else ssl.create_default_context(cafile=ca) if ca else None
        )

    # What a person does

    def open(self, url, follow=True, **options):
        """Types an address; follows redirects to the page at the end."""
        return self.navigate("GET", url, follow=follow, **options)

    def click(self, page, url, follow=True, **options):
        """Follows a link of a page."""
        return self.navigate("GET", urljoin(page.url, url), initiator=page.url, follow=follow, **options)

    def submit(self, page, values=None, form=0, button=None, follow=True):
        """Sends a form of a page, by index or by what its action contains."""
        forms = page.forms
        assert forms, f"no form at {page.url}: {page.status} {page.text[:500]}"
        chosen = forms[form] if isinstance(form, int) else next(f for f in forms if form in f["action"])
        sent = {**chosen["values"], **(values or {})}
        name = (
            next((b for b in chosen["buttons"] if button in b), None) if button else next(iter(chosen["buttons"]), None)
        )
        if name:
            sent[name[0]] = name[1]
        target = urljoin(page.url, html.unescape(chosen["action"]))
        if chosen["method"] == "GET":
            return self.navigate("GET", f"{target.split('?')[0]}?{urlencode(sent)}", initiator=page.url, follow=follow)
        return self.navigate("POST", target, urlencode(sent).encode(), initiator=page.url, follow=follow)

    def run_script(self, page):
        """What a page that sends its form by itself would do: a provider's, or one of the gateway's two with a script."""
        url, fragment = page.url.partition("#")[::2]
        if "location.hash" in page.text:
            page.url = url  # the script takes the fragment out of the address
            return self.submit(page, dict(parse_qsl(fragment, keep_blank_values=True)))
        return self.submit(page)

    def sign_in(self, url):
        """Opens an address, and goes on as long as pages send their forms by themselves."""
        return self.settle(self.open(url))

    def settle(self, page):
        """Goes on as long as pages send their forms by themselves."""
        for _ in range(6):
            if not page.forms or "submit()" not in page.text:
                break
            page = self.run_script(page)
        return page

    def fetch(self, url, method="GET", content=None, fields=None, of=None, follow=False, mode="cors", credentials=True):
        """A script's call from a page at `of` (default: the same origin)."""
        of = of or url
        site = (
            "same-origin"
            if origin_of(of) == origin_of(url)
            else "same-site" if site_of(of) == site_of(url) else "cross-site"
        )
        sent = {"Accept": "*/*", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "empty"}
        if method not in ("GET", "HEAD") or site != "same-origin":
            sent["Origin"] = origin_of(of)
        sent["Referer"] = of
        sent.update(fields or {})
        return self.request(method, url, sent, content, is_same_site=site != "cross-site", credentials=credentials)

    def graphql(self, url, query, variables=None, **options):
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        return self.fetch(url, "POST", body, {"Content-Type": "application/json"}, **options)

    # How it is done

    def navigate(self, method, url, content=None, initiator=None, follow=True, fields=None):
        history, chain = [], []
        for _ in range(REDIRECTS_MAX + 1):
            chain.append(url)
            sites = [site_of(u) == site_of(initiator) for u in chain] if initiator else []
            if not initiator:
                site = "none"
            elif all(origin_of(u) == origin_of(initiator) for u in chain):
                site = "same-origin"
            else:
                site = "same-site" if all(sites) else "cross-site"
            sent = {
                "Accept": HTML,
                "Sec-Fetch-Site": site,
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "document",
                "Sec-Fetch-User": "?1",
                "Upgrade-Insecure-Requests": "1",
            }
            if initiator:
                sent["Referer"] = initiator if site == "same-origin" else origin_of(initiator) + "/"
            if method == "POST":
                sent["Content-Type"] = "application/x-www-form-urlencoded"
                sent["Origin"] = origin_of(initiator or url)
            sent.update(fields or {})
            page = self.request(method, url, sent, content, is_same_site=site != "cross-site", is_navigation=True)
            page.history = list(history)
            if not follow or page.status not in (301, 302, 303, 307, 308) or not page.location:
                return page
            history.append(page)
            if page.status in (301, 302, 303):
                method, content = "GET", None
            url = page.location
        raise AssertionError("redirects without end: " + " -> ".join(p.url[:120] for p in history))

    def request(self, method, url, fields, content=None, is_same_site=True, is_navigation=False, credentials=True):
        """One exchange, with cookies both ways."""
        parts = urlsplit(url)
        sent = {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gatehouse tests",
            "Accept-Language": self.language,
            **fields,
        }
        if credentials and (
            cookie := self.cookie_field(url, is_same_site, is_navigation and method in ("GET", "HEAD"))
        ):
            sent["Cookie"] = cookie
        self.requests.append((method, url))
        plain = self.addresses.get(origin_of(url))
        if plain:
            connection = http.client.HTTPConnection(*plain, timeout=self.deadline)
            sent["Host"] = parts.netloc
        elif parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port or 443, timeout=self.deadline, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(_loopback(parts.hostname), parts.port or 80, timeout=self.deadline)
            sent["Host"] = parts.netloc
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with contextlib.closing(connection):
            connection.request(method, target, body=content, headers={n: v for n, v in sent.items() if v is not None})
            reply = connection.getresponse()
            octets = reply.read()
        page = Page(reply.status, reply.reason, reply.getheaders(), octets, url=url, method=method)
        for line in page.all("Set-Cookie"):
            self._keep(url, line)
        return page

    # Cookies

    def cookie_field(self, url, is_same_site=True, is_navigation=True):
        parts = urlsplit(url)
        self.cookies = [c for c in self.cookies if c.expires is None or c.expires > time.time()]
        trusted = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1")
        sent = [
            f"{c.name}={c.value}"
            for c in self.cookies
            if c.host == parts.hostname
            and (trusted or not c.secure)
            and (parts.path or "/").startswith(c.path)
            and (is_same_site or c.same_site == "none" or (c.same_site == "lax" and is_navigation))
        ]
        return "; ".join(sent)

    def _keep(self, url, line):
        self.set_cookie_lines.append((url, line))
        parts = urlsplit(url)
        pair, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        has = {n.strip().lower(): v.strip() for n, _, v in (a.partition("=") for a in attributes)}
        cookie = Cookie(
            name,
            value,
            parts.hostname,
            has.get("path") or "/",
            "secure" in has,
            "httponly" in has,
            (has.get("samesite") or "lax").lower(),
            line=line,
        )
        if name.startswith("__Host-"):
            assert "secure" in has and has.get("path") == "/" and "domain" not in has, f"a browser refuses {line!r}"
        assert len(line) <= 4096, f"a browser drops a cookie of {len(line)} octets: {name}"
        if "max-age" in has:
            cookie.expires = time.time() + int(has["max-age"])
        elif "expires" in has:
            cookie.expires = email.utils.parsedate_to_datetime(has["expires"]).timestamp()
        self.cookies = [c for c in self.cookies if (c.name, c.host, c.path) != (name, cookie.host, cookie.path)]
        if cookie.expires is None or cookie.expires > time.time():
            self.cookies.append(cookie)

    def cookies_of(self, host):
        return {c.name: c.value for c in self.cookies if c.host == host}

    def forget(self, name_part=""):
        """Drops the cookies whose name contains it."""
        self.cookies = [c for c in self.cookies if name_part not in c.name]


def _loopback(host):
    """`localhost` and names below it are this machine, as browsers have it."""
    return "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
