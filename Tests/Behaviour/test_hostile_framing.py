"""Where a request's content ends has one reading: lengths, codings, chunks (RFC 9112 sections 6 and 7)."""

import pytest

from hostile import CHUNKED, GET, LINE, POST, SENDERS, SMUGGLED, aborted, passed, posted, refused
from rooms import room, whole_room  # noqa: F401 - fixtures

LENGTHS = [
    *[
        refused(f"a length of {value!r} is no number", POST + f"Content-Length: {value}\r\n\r\nhello" + SMUGGLED)
        for value in ("5,5", "5, 5", "5,", ",5", "05", "005", "00", "0o5", "5a", "'5'", '"5"', "5;q=1", "5 , 6", "-5")
    ],
    *[
        refused(f"a length of {value!r} is past every number", POST + f"Content-Length: {value}\r\n\r\nhello")
        for value in ("18446744073709551616", "99999999999999999999999999", "9" * 400)
    ],
    refused("a length given twice the same is given twice", POST + "Content-Length: 5\r\n" * 2 + "\r\nhello" + SMUGGLED),
    refused("a length given three times, the last alone right", POST + "Content-Length: 0\r\n" * 2 + "Content-Length: 5\r\n\r\nhello"),
    refused("a length of 0 hides another", POST + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED),
    refused("a length in capitals beside one in small letters", POST + "CONTENT-LENGTH: 0\r\ncontent-length: 5\r\n\r\nhello"),
    refused("a length with a vertical tab", POST + "Content-Length: \x0b5\r\n\r\nhello" + SMUGGLED),
    refused("a length with a no-break space", POST + "Content-Length: \xa05\r\n\r\nhello" + SMUGGLED),
    refused("a length whose name has a NUL", POST + "Content-Length\x00: 5\r\n\r\nhello" + SMUGGLED),
    refused("a length whose name has a no-break space", POST + "Content-Length\xa0: 5\r\n\r\nhello" + SMUGGLED),
    refused("a length behind a space", POST + " Content-Length: 5\r\n\r\nhello" + SMUGGLED),
    refused("a length ended by a bare CR", POST + "Content-Length: 5\rX: y\r\n\r\nhello" + SMUGGLED),
    refused("a length over two lines", POST + "Content-Length: 5\r\n 0\r\n\r\nhello" + SMUGGLED),
    refused("a get with two lengths", GET + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello" + SMUGGLED),
    refused("an HTTP/1.0 post with two lengths", "POST {path} HTTP/1.0\r\n" + LINE + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    posted("a length of 0 is no content", POST + "Content-Length: 0\r\n\r\n", b"", framing="content-length"),
    posted("a post without a length has no content", POST + "\r\n", b"", framing=None),
    posted("a length that a connection list names stays", POST + "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello"),
    posted("content in another segment than its head", (POST + "Content-Length: 5\r\n\r\n", 0.02, "he", 0.02, "llo")),
    *[
        passed(f"a {m.lower()} may have content", f"{m} {{path}} HTTP/1.1\r\n{LINE}Content-Length: 5\r\n\r\nhello", method=m, content=b"hello")
        for m in ("GET", "DELETE", "OPTIONS", "PATCH", "PURGE")
    ],
    passed("a head may have content", "HEAD {path} HTTP/1.1\r\n" + LINE + "Content-Length: 5\r\n\r\nhello", method="HEAD", content=b"hello"),
]

CODINGS = [
    *[
        refused(f"a coding of {value!r} is not chunked", POST + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n" + SMUGGLED, 400, 501)
        for value in (
            "",
            ",",
            ", chunked",
            "chunked,",
            "chunked ,",
            "identity, chunked",
            "gzip, chunked",
            "deflate",
            "br",
            "chunked identity",
            "chunked\tidentity",
            "chunke",
            "chunkedd",
            "chunked\x85",
            "'chunked'",
            "chun\x0bked",
            "chunked;",
            "chunked=1",
            "x-chunked",
            "\xefchunked",
            "chunked, trailers",
        )
    ],
    refused("chunked given twice", POST + "Transfer-Encoding: chunked\r\n" * 2 + "\r\n0\r\n\r\n" + SMUGGLED),
    refused("an empty coding before chunked", POST + "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    refused("gzip in a line before chunked", POST + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 501),
    refused("a length of 0 before chunked", POST + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    refused("chunked before a bad length", POST + "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n"),
    refused("chunked and a length that a connection list names", POST + "Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    refused("a length and chunked that a connection list names", POST + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    refused("chunked in HTTP/1.0 kept alive", "POST {path} HTTP/1.0\r\n" + LINE + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    refused("chunked in HTTP/1.0 beside a length", "POST {path} HTTP/1.0\r\n" + LINE + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
    refused("a get with chunked and a length", GET + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    posted("chunked that a connection list names stays", POST + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", framing="transfer-encoding"),
    passed("a get may be chunked", GET + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", content=b"hello", framing="transfer-encoding"),
    passed("TE of the client ends here", GET + "TE: gzip, trailers\r\nConnection: TE\r\n\r\n"),
]  # fmt: skip

CHUNKS = [
    *[
        aborted(f"a chunk size of {size!r} is no size", CHUNKED + f"{size}\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
        for size in ("0X5", "5h", "5.0", "\t5", "5\t", "5 ;a", "5; a", "5;", "5;;", "5;=", "5;a=", '5;a="', '5;a="b', "5:a", "\xb5", "5\r", "-0", "x")
    ],
    *[
        aborted(f"a chunk size of {len(size)} digits is past every size", CHUNKED + f"{size}\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
        for size in ("1" + "0" * 16, "0" * 1000 + "5", "F" * 300)
    ],
    aborted("an extension with a bare LF hides a chunk", CHUNKED + "5;a\nhello\r\n0\r\n\r\n" + SMUGGLED),
    aborted("an extension with a bare CR hides a chunk", CHUNKED + "5;a\rb\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    aborted("a quoted extension with a line's end in it", CHUNKED + '5;a="\r\n"\r\nhello\r\n0\r\n\r\n' + SMUGGLED),
    aborted("a quoted extension that escapes a line's end", CHUNKED + '5;a="\\\r\n"\r\nhello\r\n0\r\n\r\n' + SMUGGLED),
    aborted("an extension with a NUL", CHUNKED + "5;a=\x00\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    aborted("extensions of 4 KiB on chunks of one octet", CHUNKED + ("1;" + "a" * 4096 + "\r\nx\r\n") * 20 + "0\r\n\r\n", 400, 413),
    aborted("extensions that end at their limit, and one more", CHUNKED + "5;" + "a" * 1023 + ";b\r\nhello\r\n0\r\n\r\n", 400, 413),
    aborted("extensions of 900 octets on chunks of one octet", CHUNKED + ("1;" + "a" * 900 + "\r\nx\r\n") * 60 + "0\r\n\r\n", 400, 413),
    aborted("a chunk shorter than it says", CHUNKED + "8\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    aborted("an empty line before the last chunk", CHUNKED + "5\r\nhello\r\n\r\n0\r\n\r\n" + SMUGGLED),
    aborted("a bare CR after a chunk's size", CHUNKED + "5\rhello\r\n0\r\n\r\n" + SMUGGLED),
    aborted("a bare CR after a chunk", CHUNKED + "5\r\nhello\r0\r\n\r\n" + SMUGGLED),
    aborted("a bare LF after both ends of a chunk", CHUNKED + "5\nhello\n0\n\n" + SMUGGLED),
    aborted("a bare LF at the end of the trailers", CHUNKED + "0\r\nX: y\r\n\n" + SMUGGLED),
    aborted("a trailer ended by a bare LF", CHUNKED + "0\r\nX: y\n\r\n" + SMUGGLED),
    aborted("a trailer without a colon", CHUNKED + "0\r\nnonsense\r\n\r\n" + SMUGGLED),
    aborted("a trailer that is folded", CHUNKED + "0\r\nX: y\r\n z\r\n\r\n" + SMUGGLED),
    aborted("a trailer with a space before its colon", CHUNKED + "0\r\nX : y\r\n\r\n" + SMUGGLED),
    aborted("a trailer with a NUL", CHUNKED + "0\r\nX: \x00\r\n\r\n" + SMUGGLED),
    aborted("trailers of 100 KB", CHUNKED + "0\r\nX: " + "y" * 100_000 + "\r\n\r\n", 400, 431),
    aborted("5000 trailers", CHUNKED + "0\r\n" + "X: y\r\n" * 5000 + "\r\n", 400, 431),
    aborted("no line's end behind the last chunk but another request", CHUNKED + "0\r\n" + SMUGGLED.replace("GET", "XET")[:3] + " / HTTP/1.1\r\n\r\n"),
    aborted("good chunks and then a bad one", CHUNKED + "5\r\nhello\r\n5\r\nworld\r\nz\r\n" + SMUGGLED),
    aborted("good chunks and then a bad one in another segment", (CHUNKED, 0.02, "5\r\nhello\r\n", 0.02, "z\r\n" + SMUGGLED)),
    posted("chunk sizes in small and capital letters", CHUNKED + "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a", framing="transfer-encoding"),
    posted("sizes with fifteen leading zeros", CHUNKED + "0" * 15 + "5\r\nhello\r\n" + "0" * 16 + "\r\n\r\n", framing="transfer-encoding"),
    posted("extensions are dropped", CHUNKED + '5;a;b=c;d="e;\\"f"\r\nhello\r\n0;last\r\n\r\n', framing="transfer-encoding"),
    posted("no chunk but the last one", CHUNKED + "0\r\n\r\n", b"", framing="transfer-encoding"),
    posted("content that looks like chunks", CHUNKED + "5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", framing="transfer-encoding"),
    posted("trailers that name our fields are dropped", CHUNKED + "5\r\nhello\r\n0\r\nX-Forwarded-User: root\r\nx_forwarded_user: root\r\nContent-Length: 9\r\nHost: evil.test\r\n\r\n", framing="transfer-encoding"),
    posted("a thousand chunks of one octet", CHUNKED + "1\r\nx\r\n" * 1000 + "0\r\n\r\n", b"x" * 1000, framing="transfer-encoding"),
    posted("a chunk cut between its CR and LF", (CHUNKED + "5\r", 0.01, "\nhello\r", 0.01, "\n0\r\n\r", 0.01, "\n"), framing="transfer-encoding"),
]  # fmt: skip

ROWS = LENGTHS + CODINGS + CHUNKS


@pytest.mark.parametrize("sender", SENDERS, ids=lambda s: s.says)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.says[:70])
def test_content_has_one_reading(room, row, sender):
    room.play(row, sender)


LOOSE = [
    posted("a length with an underscore is none", POST + "Content-Length: 5\r\nContent_Length: 0\r\n\r\nhello"),
    posted("a length with dots is none", POST + "Content.Length: 50\r\nContent-Length: 5\r\n\r\nhello"),
    posted("a coding with an underscore is none", POST + "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\nhello"),
    posted("a coding with a dot is none", POST + "Transfer.Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"),
]


@pytest.mark.parametrize("sender", [s for s in SENDERS if s.is_admitted], ids=lambda s: s.says)
@pytest.mark.parametrize("row", LOOSE, ids=lambda r: r.says)
def test_no_name_that_others_read_as_framing_goes_up(room, row, sender):
    """Behind CGI, WSGI and PHP `Content_Length` is Content-Length."""
    room.play(row, sender)
