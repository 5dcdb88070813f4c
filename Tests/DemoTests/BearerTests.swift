import Cryptography
import HTTP
import JSON
import Testing
import Values

@testable import Demo

@Suite struct `The demonstration API wants a token that was made for it` {
    private static let audience = "urn:demo:energy:"
    // Fails only where libcrypto itself does.
    private static let issuer = try! TokenIssuer()
    private static let stranger = try! TokenIssuer()

    private static func claims(_ changes: JSONObject = [:]) -> JSON {
        var claims: JSONObject = [
            "iss": .string(TokenIssuer.issuer), "sub": "alice", "aud": .string(audience),
            "tok_type": "AT", "scope": "read", "exp": .number("\(noon.seconds + 60)"),
        ]
        for (name, value) in changes.members { claims[name] = value.isNull ? .none : value }
        return .object(claims)
    }

    private static func signed(_ changes: JSONObject = [:]) throws -> String {
        "Bearer " + (try issuer.sign(claims(changes)))
    }

    private func ask(
        _ authorization: String?, method: String = "POST", path: String = EnergyAPI.path,
        type: String = "application/json", body: String = #"{"query":"{ __typename }"}"#
    ) -> HTTPMessage.Response {
        var request = HTTPMessage.Request(
            method: method, target: path, fields: [(name: "Content-Type", value: type)],
            body: Array(body.utf8))
        if let authorization {
            request.fields.append((name: "Authorization", value: authorization))
        }
        let check = BearerCheck(
            key: Self.issuer.publicKey, audience: Self.audience, scope: "read")
        return EnergyAPI(check).answer(request, at: noon)
    }

    static let rows: [(String, @Sendable () throws -> String?, Int, String)] = [
        ("a good one", { try signed() }, 200, ""),
        ("in any case of the scheme", { "bEARER" + (try signed().dropFirst(6)) }, 200, ""),
        ("with further scopes", { try signed(["scope": "write read"]) }, 200, ""),
        ("none", { nil }, 401, "Bearer realm"),
        ("another scheme", { "Basic YTpi" }, 401, "Bearer realm"),
        ("no JWT", { "Bearer abc" }, 401, "invalid_token"),
        ("four parts", { try signed() + ".x" }, 401, "invalid_token"),
        (
            "one signed by somebody else", { "Bearer " + (try stranger.sign(claims())) }, 401,
            "invalid_token"
        ),
        ("one with changed claims", { try retold(["sub": "bob"]) }, 401, "invalid_token"),
        ("one without a signature", { try unsigned() }, 401, "invalid_token"),
        ("one for another API", { try signed(["aud": "urn:other:"]) }, 401, "invalid_token"),
        (
            "one of another issuer", { try signed(["iss": "https://evil.example"]) }, 401,
            "invalid_token"
        ),
        ("an ID token", { try signed(["tok_type": "IT"]) }, 401, "invalid_token"),
        ("one of no kind", { try signed(["tok_type": .null]) }, 401, "invalid_token"),
        (
            "one that ends now", { try signed(["exp": .number("\(noon.seconds)")]) }, 401,
            "invalid_token"
        ),
        ("one without an end", { try signed(["exp": .null]) }, 401, "invalid_token"),
        ("one without the scope", { try signed(["scope": "reader"]) }, 403, "insufficient_scope"),
        ("one of a stranger", { try signed(["sub": "mallory"]) }, 403, ""),
    ]

    private static func retold(_ changes: JSONObject) throws -> String {
        var parts = try signed().split(separator: ".").map(String.init)
        parts[1] = Base64URL.encode(Array(claims(changes).serialized().utf8).span)
        return parts.joined(separator: ".")
    }

    private static func unsigned() throws -> String {
        let header = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8).span)
        return "Bearer \(header)." + (try signed().split(separator: ".")[1]) + "."
    }

    @Test(arguments: rows) func `each token has one answer`(
        _ name: String, _ token: @Sendable () throws -> String?, _ status: Int, _ challenge: String
    ) throws {
        let response = ask(try token())
        #expect(response.status == status)
        #expect((response.field("WWW-Authenticate") ?? "").contains(challenge))
        #expect((response.field("WWW-Authenticate") != nil) == !challenge.isEmpty)
    }

    @Test(arguments: [
        ("POST", EnergyAPI.path, "application/json", #"{"query":"{ __typename }"}"#, 200),
        (
            "POST", EnergyAPI.path, "application/json; charset=utf-8",
            #"{"query":"{ __typename }"}"#, 200
        ),
        ("POST", EnergyAPI.path, "text/plain", #"{"query":"{ __typename }"}"#, 415),
        ("POST", EnergyAPI.path, "application/json", "{", 400),
        ("POST", EnergyAPI.path, "application/json", "{}", 400),
        ("POST", EnergyAPI.path, "application/json", #"{"query":"{"}"#, 400),
        ("POST", EnergyAPI.path, "application/json", #"{"query":"{ nothing }"}"#, 422),
        ("GET", EnergyAPI.path + "?query=%7B__typename%7D", "", "", 200),
        ("GET", EnergyAPI.path + "?query=%7B__typename%7D&variables=x", "", "", 400),
        ("GET", EnergyAPI.path, "", "", 400), ("PUT", EnergyAPI.path, "", "", 405),
        ("POST", "/other", "application/json", "{}", 404),
    ]) func `each kind of request has its status`(
        _ method: String, _ path: String, _ type: String, _ body: String, _ status: Int
    ) throws {
        let response = ask(
            try Self.signed(), method: method, path: path, type: type, body: body)
        #expect(response.status == status)
        let document = try JSON(parsing: response.body.span)
        #expect((document["errors"] == nil) == (status == 200))
    }
}
