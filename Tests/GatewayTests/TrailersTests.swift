import HTTP
import Testing
import Values

@testable import Gateway

@Suite struct `Fields that follow content, RFC 9110 section 6.5` {
    static let kept = [
        "X-Checksum", "grpc-status", "grpc-message", "Server-Timing", "ETag", "Content-Digest",
        "Repr-Digest", "Content-MD5", "Authentication-Info", "X-Amz-Checksum-Crc32", "x_sum",
    ]
    static let dropped = [
        "Content-Length", "content_length", "Transfer-Encoding", "Host", "Connection", "Trailer",
        "TE", "Upgrade", "Content-Type", "Content_Type", "Content-Encoding", "Content-Range",
        "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Cookie", "Set-Cookie",
        "set.cookie", "Cache-Control", "Expect", "Max-Forwards", "Range", "If-Match",
        "If-None-Match", "Location", "Access-Control-Allow-Origin", "Content-Security-Policy",
        "Strict-Transport-Security", "X-Forwarded-For", "X_Forwarded_Host", "Forwarded", "Via",
        "X-Request-Id", "traceparent", "Sec-Fetch-Site", "Proxy-Status", "Clear-Site-Data",
        "X-HTTP-Method-Override", "X-SSL-Client-S-DN", "X-Real-IP", "X-Original-URL",
    ]
    static let ours = ["X-Forwarded-User", "x_forwarded.groups", "X-FORWARDED-EMAIL"]

    func passed(_ names: [String], upward: Bool, connection: String = "close") throws -> [String] {
        let door = try Door()
        let reply = try door.ask(
            "POST", "/public/x", ["Transfer-Encoding: chunked", "Connection: \(connection)"])
        let plan = try #require(reply.plan)
        let trailers = Array(names.map { "\($0): v\r\n" }.joined().utf8)
        var out: [UInt8] = []
        if upward {
            door.gatekeeper.appendRequestTrailers(trailers.span, under: plan, to: &out)
        } else {
            door.gatekeeper.appendResponseTrailers(
                trailers.span, endingHere: Array(connection.utf8).span, to: &out)
        }
        return String(decoding: out, as: UTF8.self).split(separator: "\r\n").map {
            String($0.prefix { $0 != ":" })
        }
    }

    @Test(arguments: [true, false]) func `what only describes the content passes`(
        _ upward: Bool
    ) throws {
        #expect(try passed(Self.kept, upward: upward) == Self.kept)
    }

    @Test(arguments: [true, false]) func `what has to be known before does not`(
        _ upward: Bool
    ) throws {
        #expect(try passed(Self.dropped, upward: upward).isEmpty)
        #expect(try passed(Self.kept + Self.dropped, upward: upward) == Self.kept)
    }

    @Test func `nobody else says who is signed in, at the end either`() throws {
        #expect(try passed(Self.ours, upward: true).isEmpty)
    }

    @Test(arguments: [true, false]) func `what Connection names ends here`(_ upward: Bool) throws {
        let left = try passed(
            ["X-Hop", "X-Stays"], upward: upward, connection: "x-hop, TE, keep-alive")
        #expect(left == ["X-Stays"])
    }

    static let promises: [([String], Bool, String)] = [
        (["Transfer-Encoding: chunked", "Trailer: X-Sum"], true, "chunks may bring them"),
        (["Content-Length: 0", "Trailer: X-Sum"], false, "a length has no place for them"),
        (["Trailer: X-Sum"], false, "no content, no trailers"),
        (
            ["Transfer-Encoding: chunked", "Connection: Trailer", "Trailer: X-Sum"], false,
            "it ends here"
        ),
    ]

    @Test(arguments: promises) func `none are promised that cannot come`(
        _ lines: [String], _ passes: Bool, _ why: String
    ) throws {
        let reply = try Door().ask("POST", "/public/x", lines)
        #expect(reply.sent("Trailer") == (passes ? ["X-Sum"] : []), "\(why)")
    }

    @Test func `an answer's are promised to who takes them`() throws {
        let door = try Door()
        let chunked = ["Transfer-Encoding: chunked", "Trailer: X-Sum"]
        let taking = try door.ask("GET", "/public/x", ["TE: gzip;q=0, trailers"])
        #expect(try door.relay(taking, 200, chunked).contains("Trailer: X-Sum"))
        #expect(
            try !door.relay(taking, 200, ["Content-Length: 0", "Trailer: X"]).contains("Trailer: X")
        )
        let other = try door.ask("GET", "/public/x", ["TE: gzip"])
        #expect(try !door.relay(other, 200, chunked).contains("Trailer: X-Sum"))
        let old = try door.ask("GET", "/public/x", ["TE: trailers"], version: "1.0")
        #expect(old.sent("TE").isEmpty)
        #expect(try !door.relay(old, 200, chunked).contains("Trailer: X-Sum"))
    }
}
