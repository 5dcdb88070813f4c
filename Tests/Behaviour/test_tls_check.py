"""`gatehouse check` on certificates: each thing that is wrong with them, at its place, with what to do."""

import pytest

from authority import Authority
from gateway import command, yaml
from handshakes import over_tls


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def check(tmp_path, config):
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config) + "\n")
    done = command("check", "--config", file)
    return done.returncode, done.stdout


def config(pairs, **more):
    return over_tls("https://login.example.com", "http://127.0.0.1:3000", pairs, hsts="30d", **more)


CASES = {
    "a key of another": (
        lambda a: (a.issue("one", "localhost")[0], a.issue("two", "localhost")[1]),
        1,
        "tls.certificates[0].key: is not the key of the certificate",
    ),
    "one that has ended": (
        lambda a: a.issue("old", "localhost", days=(-9, -1)),
        0,
        "tls.certificates[0].chain: warning: ended on ",
    ),
    "one that is not good yet": (
        lambda a: a.issue("young", "localhost", days=(1, 9)),
        0,
        "tls.certificates[0].chain: warning: is good from ",
    ),
    "no name": (lambda a: a.issue("nameless"), 0, "tls.certificates[0].chain: warning: names no host"),
    "another name": (
        lambda a: a.issue("other", "other.test"),
        0,
        "external_url: warning: no listener's certificate is for localhost",
    ),
    "a chain that is a key": (
        lambda a: a.issue("swapped", "localhost")[::-1],
        1,
        "tls.certificates[0].chain: holds no PEM block",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_is_wrong_is_said_at_its_place(tmp_path, authority, what):
    pair, code, expected = CASES[what]
    returned, said = check(tmp_path, config([pair(authority)]))
    line = next((line for line in said.splitlines() if expected in line), None)
    assert line and returned == code, said
    place = line.split(": ")[0].rsplit(":", 2)
    assert place[0].endswith("gatehouse.yaml") and place[1].isdigit() and place[2].isdigit()


def test_a_good_one_passes_without_a_word(tmp_path, authority):
    returned, said = check(tmp_path, config([authority.issue("fine", "localhost")]))
    assert returned == 0 and "certificate" not in said, said


def test_an_upstreams_pair_is_looked_at_too(tmp_path, authority):
    good = authority.issue("client", "client.test")
    other = authority.issue("another", "client.test")
    more = {
        "upstreams": {
            "site": {
                "url": "https://127.0.0.1:3000",
                "ca_file": str(authority.ca),
                "client_certificate": str(good[0]),
                "client_key": str(other[1]),
            }
        }
    }
    returned, said = check(tmp_path, config([authority.issue("fine", "localhost")], **more))
    assert returned == 1 and "upstreams.site.client_key: is not the key of the certificate" in said, said
