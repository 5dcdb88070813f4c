// A provider as flows see it: answers by path, counted, held back, cut or late as a test says.

import Cryptography
import Flows
import HTTP
import JSON
import OpenID
import Synchronization
import Values

let issuer = "https://login.example.com"
let noon = UnixTime(seconds: 1_795_000_000)

final class ScriptedProvider: HTTPClient {
    typealias Reply = @Sendable (OutboundRequest) -> Result<InboundResponse, ClientFailure>

    private struct State {
        var replies: [String: Reply] = [:]
        var gates: [String: Gate] = [:]
        var requests: [OutboundRequest] = []
        var deadlines: [Duration] = []
    }
    private let state = Mutex(State())

    init() {
        answer("/.well-known/openid-configuration", .json(200, Self.discovery()))
        answer("/keys", .json(200, Signer.current.keySet))
    }

    func send(
        _ request: OutboundRequest, as identity: ClientIdentity, deadline: Duration, octetsMax: Int
    ) async throws(ClientFailure) -> InboundResponse {
        let path = request.url.path
        let gate = state.withLock { state in
            state.requests.append(request)
            state.deadlines.append(deadline)
            return state.gates[path]
        }
        await gate?.pass()
        guard let reply = state.withLock({ $0.replies[path] }) else {
            throw .unreachable("the test has no reply for \(path)")
        }
        return try reply(request).get()
    }

    func answer(_ path: String, by reply: @escaping Reply) {
        state.withLock { $0.replies[path] = reply }
    }

    func answer(_ path: String, _ response: InboundResponse) {
        answer(path) { _ in .success(response) }
    }

    func fail(_ path: String, _ failure: ClientFailure) { answer(path) { _ in .failure(failure) } }

    /// Holds requests to the path until the gate is opened.
    func hold(_ path: String) -> Gate {
        let gate = Gate()
        state.withLock { $0.gates[path] = gate }
        return gate
    }

    func requests(to path: String) -> [OutboundRequest] {
        state.withLock { $0.requests.filter { $0.url.path == path } }
    }

    func count(_ path: String) -> Int { requests(to: path).count }

    var lastDeadline: Duration? { state.withLock { $0.deadlines.last } }

    static func discovery(_ changes: JSONObject = [:]) -> JSON {
        var document: JSONObject = [
            "issuer": .string(issuer), "authorization_endpoint": .string(issuer + "/authorize"),
            "token_endpoint": .string(issuer + "/token"), "jwks_uri": .string(issuer + "/keys"),
            "end_session_endpoint": .string(issuer + "/logout"),
            "revocation_endpoint": .string(issuer + "/revoke"),
            "id_token_signing_alg_values_supported": ["ES256"],
        ]
        for (name, value) in changes.members { document[name] = value }
        return .object(document)
    }
}

/// Where requests wait until a test lets them through.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watching: [CheckedContinuation<Void, Never>] = []
        var hasArrived = false
    }
    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watching) = state.withLock { state in
                state.hasArrived = true
                if !state.isOpen { state.waiting.append(continuation) }
                defer { state.watching = [] }
                return (state.isOpen, state.watching)
            }
            for watcher in watching { watcher.resume() }
            if isOpen { continuation.resume() }
        }
    }

    /// Returns once somebody waits at the gate.
    func arrival() async {
        await withCheckedContinuation { continuation in
            let hasArrived = state.withLock { state in
                if !state.hasArrived { state.watching.append(continuation) }
                return state.hasArrived
            }
            if hasArrived { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension InboundResponse {
    static func json(_ status: Int, _ document: JSON) -> InboundResponse {
        InboundResponse(
            status: status, fields: [("Content-Type", "application/json")],
            body: Array(document.serialized().utf8))
    }

    static func text(_ status: Int, _ body: String) -> InboundResponse {
        InboundResponse(status: status, body: Array(body.utf8))
    }
}

/// A provider's signing key.
struct Signer: Sendable {
    let key: PrivateKey
    let kid: String

    // These fail only where libcrypto itself does.
    static let current = Signer(key: try! .generateP256(), kid: "k1")
    static let next = Signer(key: try! .generateP256(), kid: "k2")

    var keySet: JSON {
        guard case .ellipticCurve(let curve, let x, let y) = key.publicComponents else {
            return ["keys": []]
        }
        return [
            "keys": [
                [
                    "kty": "EC", "kid": .string(kid), "use": "sig",
                    "crv": .string(curve.rawValue), "x": .string(Base64URL.encode(x.span)),
                    "y": .string(Base64URL.encode(y.span)),
                ]
            ]
        ]
    }

    func token(_ claims: JSONObject) -> String {
        let header: JSON = ["alg": "ES256", "kid": .string(kid)]
        let input = [header, JSON.object(claims)]
            .map { Base64URL.encode(Array($0.serialized().utf8).span) }.joined(separator: ".")
        let signature = try! key.sign(Array(input.utf8).span, algorithm: .ES256)  // its own kind
        return input + "." + Base64URL.encode(signature.span)
    }
}

/// What a provider says of alice.
func claims(nonce: String?, at now: UnixTime = noon, _ changes: JSONObject = [:]) -> JSONObject {
    var claims: JSONObject = [
        "iss": .string(issuer), "aud": "portal", "sub": "alice-id", "sid": "provider-session",
        "iat": .number("\(now.seconds)"), "exp": .number("\(now.seconds + 300)"),
        "email": "alice@example.com", "email_verified": true, "groups": ["readers", "writers"],
        "phone": "nobody asked",
    ]
    if let nonce { claims["nonce"] = .string(nonce) }
    for (name, value) in changes.members { claims[name] = value.isNull ? .none : .some(value) }
    return claims
}

/// A token endpoint's good answer.
func tokens(
    idToken: String?, access: String = "access-1", refresh: String? = "refresh-1",
    expiresIn: Int? = 3600
) -> InboundResponse {
    var body: JSONObject = ["access_token": .string(access), "token_type": "Bearer"]
    body["expires_in"] = expiresIn.map { .number("\($0)") }
    body["refresh_token"] = refresh.map { .string($0) }
    body["id_token"] = idToken.map { .string($0) }
    return .json(200, .object(body))
}

extension OutboundRequest {
    var form: Form { Form(parsing: body.span) ?? Form() }
}
