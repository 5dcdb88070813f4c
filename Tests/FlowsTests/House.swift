// Flows with a configuration of their own, a scripted provider, a clock that stands, and a browser.

import Configuration
import Cryptography
import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Synchronization
import Telemetry
import Testing
import Values

@testable import Flows

/// What happened, in order.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    func take() -> [Element] {
        elements.withLock { elements in
            defer { elements = [] }
            return elements
        }
    }
    var all: [Element] { elements.withLock { $0 } }
}

final class House: Sendable {
    let provider = ScriptedProvider()
    let snapshot: Snapshot
    let flows: Flows
    let announced = Record<EndedSession>()
    let refreshed = Record<RefreshedSession>()
    let spent = Record<([UInt8], UnixTime)>()
    /// Not empty: the loop knows every session as ended.
    let ended = Record<Bool>()
    let log: Record<String>
    let tally = Tally()
    private let background = Record<@Sendable () async -> Void>()
    private let clock = Mutex(noon)

    static let host = "portal.example.com"

    static let site = """
        external_url: https://portal.example.com
        listeners: [{ address: "127.0.0.1:8080", tls_terminated: true }]
        provider:
          issuer: https://login.example.com
          client_id: portal
          client_secret: s3cret
          scopes: [openid, offline_access]
          authorization_parameters: { ui_locales: en }
        upstreams:
          site: { url: "http://127.0.0.1:3000" }
          api: { url: "https://api.example.com" }
        routes:
          - { path: /graphql, graphql: true, upstream: api }
          - { path: /*, upstream: site }
        identity:
          headers: { X-Forwarded-User: sub, X-Forwarded-Email: email, X-Forwarded-Groups: groups }

        """

    init(_ text: String = House.site, ring: KeyRing? = nil) throws {
        let source = ConfigurationSource(
            file: "/gatehouse.yaml", read: { _ in .success(Array(text.utf8)) },
            environment: { _ in nil })
        let loaded = Loaded.load(source)
        let errors = loaded.problems.filter { !$0.isWarning }.map { "\($0)" }
        let configuration = try #require(loaded.configuration, "\(errors)")
        var dice = SystemRandomNumberGenerator()
        snapshot = Snapshot(
            configuration: configuration, ring: ring ?? KeyRing.ephemeral(using: &dice),
            generation: 1)
        let lines = Record<String>()
        log = lines
        let writer = Log(
            .init(level: .debug, format: .text, access: false), tally: tally,
            write: { lines.add(String(decoding: $0, as: UTF8.self)) })
        writer.close()  // from here on every event is written at once
        let (announced, refreshed, spent) = (announced, refreshed, spent)
        flows = Flows(
            log: writer, tally: tally,
            announceEnded: { sessions in for session in sessions { announced.add(session) } },
            announceRefreshed: { refreshed.add($0) },
            recordSpent: { spent.add(($0, $1)) })
    }

    var settings: ProviderSettings { snapshot.configuration.providers[0] }
    var sealer: Sealer { Sealer(snapshot.ring) }
    var now: UnixTime { clock.withLock { $0 } }

    func pass(_ seconds: Int) { clock.withLock { $0 = $0 + .seconds(seconds) } }

    var environment: FlowEnvironment {
        FlowEnvironment(
            client: provider, now: { self.now }, start: { self.background.add($0) },
            pause: { self.pass(Int($0.components.seconds)) },
            hasEnded: { _, _ in !self.ended.all.isEmpty })
    }

    /// Does the work that nobody waits for, and what that starts.
    func settle() async {
        while case let work = background.take(), !work.isEmpty {
            for operation in work { await operation() }
        }
    }

    func perform(_ work: Work) async -> Outcome {
        await flows.perform(work, under: snapshot, in: environment)
    }

    func answer(_ work: Work) async throws -> Answer {
        guard case .answer(let answer) = await perform(work) else {
            throw Unexpected("the request was to be decided again")
        }
        return answer
    }

    // MARK: A login, step by step

    func loginIntent(
        _ browser: Browser, to path: String = "/reports", _ reason: LoginIntent.Reason = .noSession
    ) -> LoginIntent {
        LoginIntent(
            asked: browser.asked, provider: 0, returnTo: path, reason: reason,
            requirements: LoginRequirements(), parameters: [],
            redirectURI: "https://\(browser.host)/.auth/callback")
    }

    /// Sends the browser to the provider, and brings back what it is sent with.
    func begin(_ browser: inout Browser, to path: String = "/reports") async throws -> Form {
        let answer = try await answer(.beginLogin(loginIntent(browser, to: path)))
        browser.take(answer)
        return try answer.query(of: issuer + "/authorize")
    }

    func callbackIntent(_ browser: Browser, _ response: Form) -> CallbackIntent {
        CallbackIntent(
            asked: browser.asked, provider: 0, response: Array(response.encoded.utf8),
            redirectURI: "https://\(browser.host)/.auth/callback", session: browser.session(self))
    }

    func complete(_ browser: inout Browser, _ response: Form) async throws -> Answer {
        let answer = try await answer(.completeLogin(callbackIntent(browser, response)))
        browser.take(answer)
        return answer
    }

    /// The token endpoint answers as it should.
    func grant(_ asked: Form, _ changes: JSONObject = [:]) {
        let idToken = Signer.current.token(
            claims(nonce: asked.first("nonce"), at: now, changes))
        provider.answer("/token", tokens(idToken: idToken))
    }

    /// A whole login.
    func signIn(
        _ browser: inout Browser, to path: String = "/reports", _ changes: JSONObject = [:]
    ) async throws -> Answer {
        let asked = try await begin(&browser, to: path)
        grant(asked, changes)
        return try await complete(&browser, .code(for: asked))
    }

    // MARK: Sessions

    func session(_ change: (inout Session) -> Void = { _ in }) -> Session {
        var session = Session(
            id: Array(1...16),
            binding: Session.binding(host: Self.host, issuer: issuer, clientID: "portal"),
            subject: "alice-id", startedAt: noon, sealedAt: noon,
            expires: noon + .seconds(8 * 3600), accessToken: "access-1",
            accessTokenExpires: noon + .seconds(3600), refreshToken: "refresh-1",
            idToken: "a.b.c")
        change(&session)
        return session
    }

    /// What this process keeps of a session.
    func kept(_ handle: SessionHandle) -> Session? {
        let found = snapshot.memory.find(
            handle.entryName, extending: false, idleTimeout: .seconds(1800), at: now)
        var plaintext = OctetWriter()
        guard let found, handle.open(found.entry, appendingTo: &plaintext) else { return nil }
        var session = Session(decoding: [UInt8](plaintext.span))
        session?.handle = handle
        return session
    }

    func refresh(
        _ session: Session, hasEnded: Bool = true, _ browser: Browser = Browser()
    ) async -> Outcome {
        await perform(
            .refresh(
                RefreshIntent(
                    asked: browser.asked, provider: 0, session: session, hasEnded: hasEnded)))
    }
}

struct Unexpected: Error {
    let what: String
    init(_ what: String) { self.what = what }
}

/// What a browser keeps, and sends.
struct Browser: Sendable {
    var cookies: [String: String] = [:]
    var host = House.host

    /// Only what a browser would keep.
    mutating func take(_ answer: Answer) {
        for (name, value) in answer.fields where name == "Set-Cookie" { take(value) }
    }

    mutating func take(_ line: String) {
        let parts = line.split(separator: ";").map { $0.drop { $0 == " " } }
        let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let isDeleted = parts.contains { $0 == "Max-Age=0" }
        cookies[String(pair[0])] = isDeleted ? .none : String(pair[1])
    }

    static let loginPrefix = "__Host-gatehouse-login."

    var logins: [String] { cookies.keys.filter { $0.hasPrefix(Self.loginPrefix) }.sorted() }
    var sessionNames: [String] {
        cookies.keys.filter { $0.hasPrefix("__Host-gatehouse") && !$0.hasPrefix(Self.loginPrefix) }
            .sorted()
    }

    mutating func forget(where isForgotten: (String) -> Bool) {
        for name in cookies.keys where isForgotten(name) { cookies[name] = nil }
    }
    mutating func forgetLogins() { forget { $0.hasPrefix(Self.loginPrefix) } }

    var asked: Asked {
        var asked = Asked(
            requestID: "r-1", host: host,
            origin: Origin(parsing: "https://\(host)")!)  // the tests' own
        asked.loginCookies = logins.map {
            BroughtCookie(name: $0, value: Array((cookies[$0] ?? "").utf8))
        }
        asked.sessionCookieNames = sessionNames
        return asked
    }

    func session(_ house: House) -> Session? {
        let cookies = house.snapshot.sessionCookies(of: 0)
        let text = (0..<SessionCookies.piecesMax).compactMap { self.cookies[cookies.pieceName($0)] }
            .joined()
        guard !text.isEmpty else { return nil }
        var plaintext: [UInt8] = []
        let opened = house.sealer.open(
            Array(text.utf8).span, for: .session, named: cookies.name, appendingTo: &plaintext,
            at: house.now)
        guard opened != nil else { return nil }
        return SessionHandle(decoding: plaintext.span).map { house.kept($0) }
            ?? Session(decoding: plaintext)
    }
}

extension Answer {
    var location: String { field("Location") ?? "" }
    var setCookies: [String] { fields.filter { $0.name == "Set-Cookie" }.map(\.value) }

    /// The query of a Location that leads to the endpoint.
    func query(of endpoint: String) throws -> Form {
        guard status == 303, location.hasPrefix(endpoint + "?") else {
            throw Unexpected("\(status) \(code ?? "") \(location)")
        }
        let query = Array(location.dropFirst(endpoint.count + 1).utf8)
        let form = Form(parsing: query.span)
        return try #require(form)
    }

    /// For tables: the status, and the code of a refusal or where a redirect leads.
    var word: String {
        let place = location.split(separator: "?").first.map(String.init) ?? ""
        return "\(status) " + (code ?? place)
    }
}

extension Form {
    init(_ pairs: [(String, String)]) {
        self.init()
        for (name, value) in pairs { append(name, value) }
    }

    static func code(for asked: Form, _ code: String = "code-1") -> Form {
        Form([("code", code), ("state", asked.first("state") ?? "")])
    }
}

extension Outcome {
    /// The session a request goes on with, and the cookies it brings.
    var session: (Session, setCookies: [String])? {
        if case .proceed(.session(let session, let cookies)) = self {
            (session, cookies)
        } else {
            nil
        }
    }

    var isWithoutSession: Bool { if case .proceed(.none) = self { true } else { false } }
}
