"""Behind somebody else's proxy: a real nginx asks by auth_request, copies the identity fields, and offers the login."""

import shutil

import pytest

from fixtures import usual
from upstream import RecordingUpstream
from waiting import Process, free_port

CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log info; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1; proxy_set_header Connection "";
    server {{
        listen 127.0.0.1:{port};
        location / {{
            auth_request /verify;
            auth_request_set $user $upstream_http_x_forwarded_user;
            auth_request_set $groups $upstream_http_x_forwarded_groups;
            auth_request_set $cookie $upstream_http_set_cookie;
            add_header Set-Cookie $cookie;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-User $user;
            proxy_set_header X-Forwarded-Groups $groups;
            error_page 401 = @login;
            proxy_pass {site};
        }}
        location @login {{ return 303 /.auth/login?return_to=$request_uri; }}
        location = /verify {{
            internal;
            proxy_pass http://127.0.0.1:{gatehouse}/.auth/verify;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location /.auth/ {{
            proxy_pass http://127.0.0.1:{gatehouse};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


@pytest.fixture
def site():
    site = RecordingUpstream()
    yield site
    site.close()


@pytest.fixture
def behind_nginx(run, provider, upstream, site, tmp_path):
    """A gateway whose site is another's: its external URL is nginx'."""
    port = free_port()
    config = usual(provider, upstream)
    config["external_url"] = f"http://localhost:{port}"
    config["trusted_proxies"] = ["127.0.0.0/8"]
    gateway = run(config)
    folder = tmp_path / "nginx"
    folder.mkdir()
    file = folder / "nginx.conf"
    file.write_text(CONFIG.format(folder=folder, port=port, site=site.url, gatehouse=gateway.port))
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    process = Process([nginx, "-p", folder, "-c", file], folder / "log").listens(port)
    yield gateway
    process.stop()


def test_nginx_asks_and_the_visitor_signs_in(behind_nginx, provider, site, upstream):
    browser = behind_nginx.browser()
    page = browser.open(behind_nginx.at("/reports?year=2026"))
    assert page.status == 200 and page.url == behind_nginx.at("/reports?year=2026")
    assert site.last.target == "/reports?year=2026"
    assert site.last.one("X-Forwarded-User") == "alice-id"
    assert site.last.one("X-Forwarded-Groups") == "readers,writers"
    assert upstream.requests == [], "nginx carries the request, and not gatehouse"
    assert browser.open(behind_nginx.at("/more")).status == 200 and provider.count("authorize") == 1


def test_public_paths_pass_and_forged_fields_do_not(behind_nginx, site):
    browser = behind_nginx.browser()
    assert browser.open(behind_nginx.at("/public/x")).status == 200
    assert site.last.one("X-Forwarded-User", "") == ""
    for line in ("X-Original-URL: http://localhost/public/x", "X-Forwarded-Uri: /public/x", "X-Forwarded-Method: HEAD"):
        name, _, value = line.partition(": ")
        site.forget()
        page = browser.fetch(behind_nginx.at("/secret"), fields={name: value})
        assert page.status in (401, 403) and site.requests == [], line


def test_logout_ends_it_there_too(behind_nginx, site):
    browser = behind_nginx.browser()
    browser.open(behind_nginx.at("/"))
    browser.submit(browser.open(behind_nginx.at("/.auth/logout")), form="/.auth/logout")
    site.forget()
    assert browser.open(behind_nginx.at("/"), follow=False).status == 303 and site.requests == []


def test_a_slash_in_a_query_begins_no_path(run, provider, upstream):
    config = usual(provider, upstream)
    config["trusted_proxies"] = ["127.0.0.0/8"]
    gateway = run(config)
    for name in ("X-Original-URL", "X-Rewrite-URL"):
        for url, status in (("/public/x", 200), ("?a=/public/x", 401), ("/?a=/public/x", 401)):
            reply = gateway.ask("GET", "/.auth/verify", f"{name}: {gateway.url}{url}")
            assert reply.status == status, (name, url)


def test_a_method_beside_another_proxys_path_is_the_clients(run, provider, upstream):
    config = usual(provider, upstream)
    config["trusted_proxies"] = ["127.0.0.0/8"]
    gateway = run(config)
    for path, method, status in (
        ("X-Original-URI", "X-Original-Method", 200),
        ("X-Forwarded-Uri", "X-Forwarded-Method", 200),
        ("X-Original-URI", "X-Forwarded-Method", 403),
        ("X-Original-URL", "X-Forwarded-Method", 403),
        ("X-Forwarded-Uri", "X-Original-Method", 403),
    ):
        reply = gateway.ask("GET", "/.auth/verify", f"{path}: /public/x", f"{method}: GET")
        assert reply.status == status, (path, method)
