"""A field has one reading, and none that says who someone is comes from a client: security.md H1 and IH."""

import pytest

from hostile import GET, POST, SENDERS, SMUGGLED, passed, posted, refused
from rooms import room, whole_room  # noqa: F401 - fixtures

ROWS = [
    *[
        refused(f"a line of {line!r} is no field", GET + line + "\r\n\r\n" + SMUGGLED)
        for line in (
            "X",
            "X Y: z",
            "X\t: y",
            "X\x0b: y",
            ":y",
            "X: \x00",
            "X: \x01",
            "X: \x0b",
            "X: \x0c",
            "X: \x1b[31m",
            "X: \x7f",
            "X: a\rb",
            "X: a\nY: b",
            "X@: y",
            "X/: y",
            "X[0]: y",
            "X{: y",
            "X\x7f: y",
            "\xc3\xa4: y",
            '"X": y',
            "X;: y",
            "X,Y: z",
            "X=y",
            " X: y",
            "\tX: y",
            "X:\r\n y",
            "X: y\r\n\tz",
            "Te LF st: x",
        )
    ],
    refused("500 fields", GET + "X-A: b\r\n" * 500 + "\r\n", 431),
    refused("a name of 70 KB", GET + "X" * 70_000 + ": y\r\n\r\n", 431),
    refused("a cookie of 70 KB", GET + "Cookie: a=" + "y" * 70_000 + "\r\n\r\n", 431),
    refused("a head without end", GET + "X: " + "y" * 200_000, 431),
    passed("an empty value", GET + "X-A:\r\nX-B: \t\r\n\r\n", fields={"X-A": "", "X-B": ""}),
    passed("a value outside ASCII is passed as it came", GET + "X-A: \xe4\xff\x80\r\n\r\n", fields={"X-A": "\xe4\xff\x80"}),
    passed("fields keep their order and number", GET + "X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n\r\n", fields={"X-A": ["1", "3"]}),
    passed("a field of every token character", GET + "!#$%&'*+-.^_`|~9: y\r\n\r\n", fields={"!#$%&'*+-.^_`|~9": "y"}),
    passed("other cookies are passed, ours are not", GET + "Cookie: a=1; gatehouse=x; gatehouse.1=y; gatehouse-login.z=1; b=2\r\n\r\n"),
    passed("fields that a connection list names end here", GET + "Connection: x-a, ,X-B;,\"q\"\r\nX-A: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n", absent=("x-a", "keep-alive", "connection-x")),
    passed("a connection list in a second line", GET + "Connection:\r\nConnection: X-A, X-Forwarded-User, Authorization\r\nX-A: 1\r\n\r\n", absent=("x-a",)),
    passed("a connection list that names all of ours", GET + "Connection: X-Forwarded-User, X-Forwarded-Email, X-Forwarded-Groups, Via, X-Forwarded-For, Forwarded, Host, X-Forwarded-Preferred-Username, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Port, X-Request-Id\r\n\r\n"),
    *[
        passed(f"a cookie field of {c!r} brings none of ours up", GET + f"Cookie: {c}\r\nCookie: gatehouse.1=y; z=1\r\n\r\n")
        for c in ("a=1;gatehouse=x;b=2", " gatehouse=x", 'a="; gatehouse=x; c="', "a=1;;gatehouse=x", "gatehouse.9=x", "gatehouse-login.x=1")
    ],
    passed("a connection list of 2000 names", GET + "Connection: " + ",".join(f"n{i}" for i in range(2000)) + "\r\n\r\n"),
    passed("an upgrade to h2c ends here", GET + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", absent=("upgrade", "http2-settings")),
    passed("an upgrade to HTTP/2.0 and TLS ends here", GET + "Connection: Upgrade\r\nUpgrade: HTTP/2.0, TLS/1.3\r\n\r\n", absent=("upgrade",)),
    passed("max-forwards of a get is passed", GET + "Max-Forwards: 0\r\n\r\n", fields={"Max-Forwards": "0"}),
    passed("a request id of line ends that are none", GET + "X-Request-Id: a%0d%0ab\r\n\r\n"),
    passed("a request id of 10 KB is replaced", GET + "X-Request-Id: " + "a" * 10_000 + "\r\n\r\n"),
    passed("a traceparent of nonsense is replaced", GET + "traceparent: 00-zz\r\ntraceparent: 00-yy\r\n\r\n"),
    *[
        passed(f"a sender's {name} is not believed", GET + f"{name}: root\r\n\r\n")
        for name in (
            "X-Forwarded-User",
            "x-forwarded-user",
            "X_Forwarded_User",
            "X-Forwarded_User",
            "X.Forwarded.User",
            "X!Forwarded#User",
            "X~Forwarded|User",
            "x_forwarded_email",
            "X-Forwarded-Groups",
            "X_Forwarded-Groups",
            "X-Forwarded-Preferred_Username",
            "X-Forwarded-For",
            "X_Forwarded_For",
            "X-Forwarded.Proto",
            "X_Forwarded_Host",
            "X-Forwarded-Prefix",
            "X-Forwarded-Uri",
            "X-Forwarded-Client-Cert",
            "FORWARDED",
            "X_Real_IP",
            "X-Original_URL",
            "X.Original.URI",
            "X-Rewrite-Url",
            "X_Client_Cert",
            "X-SSL-Client-S-DN",
            "X_SSL_Client_Verify",
            "Proxy",
            "PROXY",
        )
    ],
    passed("200 spellings of a name, within the limit of fields", GET + "".join(f"X{a}Forwarded{b}User: root\r\n" for a in "-_.!#$%&'*" for b in "-_.!#$%&'*")[:2900] + "X: y\r\n\r\n"),
    posted("our fields given twice, in lists and first empty", POST + "X-Forwarded-User:\r\nX-Forwarded-User: root\r\nX-Forwarded-User: a, b\r\nContent-Length: 5\r\n\r\nhello"),
]  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS, ids=lambda s: s.says)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.says[:70])
def test_a_field_has_one_reading(room, row, sender):
    room.play(row, sender)


@pytest.mark.parametrize("sender", [s for s in SENDERS if s.is_admitted], ids=lambda s: s.says)
def test_a_field_that_stands_late_in_a_connection_list_ends_here_too(room, sender):
    names = ",".join(f"n{i}" for i in range(1100))
    room.play(passed("late", GET + f"Connection: {names}, X-A\r\nX-A: 1\r\n\r\n", absent=("x-a",)), sender)
