import HTTP
import Testing
import Values

@testable import Gateway

@Suite struct `Other upgrades than websocket` {
    static let site = """
        external_url: https://portal.example.com
        listeners: [{ address: "127.0.0.1:8080", tls_terminated: true }]
        provider: { issuer: "https://login.example.com", client_id: portal, client_secret: secret }
        upstreams: { site: { url: "http://127.0.0.1:3000" } }
        routes:
          - { path: /named/*, access: public, upstream: site, upgrades: [mqtt, proto/2] }
          - { path: /*, access: public, upstream: site }

        """
    static let handshake = [
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var path = "/named/x"
        var method = "GET"
        var version = "1.1"
        let lines: [String]
        /// `nil`: the request is refused.
        let upgrade: UpgradeAsked?
    }

    static let rows = [
        Row(
            testDescription: "the route names it", lines: ["Connection: Upgrade", "Upgrade: MQTT"],
            upgrade: .other(Array("MQTT".utf8))),
        Row(
            testDescription: "by a POST without content", method: "POST",
            lines: ["Connection: Upgrade", "Upgrade: mqtt"], upgrade: .other(Array("mqtt".utf8))),
        Row(
            testDescription: "with a version", lines: ["Connection: Upgrade", "Upgrade: mqtt/5"],
            upgrade: .other(Array("mqtt/5".utf8))),
        Row(
            testDescription: "the version that the route names",
            lines: ["Connection: Upgrade", "Upgrade: proto/1, proto/2"],
            upgrade: .other(Array("proto/2".utf8))),
        Row(
            testDescription: "behind others",
            lines: ["Connection: keep-alive, upgrade", "Upgrade: h2c, other, mqtt"],
            upgrade: .other(Array("mqtt".utf8))),
        Row(
            testDescription: "in a second line",
            lines: ["Connection: Upgrade", "Upgrade: other", "Upgrade: mqtt"],
            upgrade: .other(Array("mqtt".utf8))),
        Row(
            testDescription: "another one", lines: ["Connection: Upgrade", "Upgrade: other"],
            upgrade: UpgradeAsked.none),
        Row(
            testDescription: "two slashes", lines: ["Connection: Upgrade", "Upgrade: mqtt/5/6"],
            upgrade: UpgradeAsked.none),
        Row(
            testDescription: "on another route", path: "/x",
            lines: ["Connection: Upgrade", "Upgrade: mqtt"], upgrade: UpgradeAsked.none),
        Row(
            testDescription: "no connection names it", lines: ["Upgrade: mqtt"],
            upgrade: UpgradeAsked.none),
        Row(
            testDescription: "of HTTP/1.0", version: "1.0",
            lines: ["Connection: Upgrade", "Upgrade: mqtt"], upgrade: UpgradeAsked.none),
        Row(
            testDescription: "with content", method: "POST",
            lines: ["Connection: Upgrade", "Upgrade: mqtt", "Content-Length: 3"],
            upgrade: UpgradeAsked.none),
        Row(
            testDescription: "with chunks", method: "POST",
            lines: ["Connection: Upgrade", "Upgrade: mqtt", "Transfer-Encoding: chunked"],
            upgrade: UpgradeAsked.none),
        Row(
            testDescription: "beside websocket",
            lines: ["Connection: Upgrade", "Upgrade: mqtt", "Upgrade: websocket"] + handshake,
            upgrade: nil),
        Row(
            testDescription: "beside websocket in one line",
            lines: ["Connection: Upgrade", "Upgrade: websocket, mqtt"] + handshake, upgrade: nil),
        Row(
            testDescription: "websocket in a second line, where no other is named", path: "/x",
            lines: ["Connection: Upgrade", "Upgrade: other", "Upgrade: websocket"] + handshake,
            upgrade: nil),
        Row(
            testDescription: "websocket twice", path: "/x",
            lines: ["Connection: Upgrade", "Upgrade: websocket", "Upgrade: websocket"] + handshake,
            upgrade: nil),
        Row(
            testDescription: "websocket alone",
            lines: ["Connection: Upgrade", "Upgrade: websocket"] + handshake, upgrade: .webSocket),
    ]

    @Test(arguments: rows) func `what is asked for is passed on where the route names it`(
        _ row: Row
    ) throws {
        let reply = try Door(Self.site).ask(row.method, row.path, row.lines, version: row.version)
        #expect(reply.plan?.upgrade == row.upgrade)
        if row.upgrade == nil { #expect(reply.status == 400) }
        #expect(reply.sent("Upgrade").isEmpty, "the server writes it")
    }
}
