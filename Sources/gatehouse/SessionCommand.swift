// `gatehouse session`: what a Cookie field says, for the person on call. Tokens are masked: what this
// prints ends up in tickets and chats.

import ArgumentParser
import Configuration
import HTTP
import Platform
import Sessions
import Values

struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Looks into session cookies, and ends sessions.",
        subcommands: [Inspect.self, SessionEnd.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads a Cookie field on standard input and says what is in it.")

        @OptionGroup var config: ConfigurationOption

        func run() throws {
            let (loaded, problems) = Loaded.load(.file(config.file))
            guard let configuration = loaded else {
                for problem in problems { printToStandardError("\(problem)") }
                throw ExitCode(1)
            }
            var field = ""
            while let line = readLine() { field += line }
            if field.lowercased().hasPrefix("cookie:") { field.removeFirst("cookie:".count) }
            let report = try CookieReport(
                field.trimmed, configuration, try KeyRing.load(configuration.session.keys),
                at: Clock.wall())
            print(report.text, terminator: "")
            if !report.foundAny { throw ExitCode(1) }
        }
    }
}

/// What the cookies of a request say, as lines.
struct CookieReport {
    private(set) var text = ""
    private(set) var foundAny = false

    init(
        _ field: String, _ configuration: Configuration, _ ring: KeyRing, at now: UnixTime
    ) throws {
        guard !field.isEmpty else { throw Refusal("standard input has no Cookie field") }
        let isSecure = configuration.externalURL.scheme == .https
        let request = try CookieRequest(field)
        var brought = RequestCookies()
        brought.read(request.head, request.octets.span)
        var reader = SessionReader(Sealer(ring))
        for provider in configuration.providers {
            let cookies = SessionCookies(
                named: configuration.session.cookie.name, provider: provider.name,
                isSecure: isSecure)
            var view = SessionView()
            switch reader.read(cookies, in: brought, request.octets.span, into: &view, at: now) {
            case .absent: continue
            case .unreadable:
                foundAny = true
                line(
                    cookies.name,
                    "does not open: damaged, incomplete, or under a key not in the ring")
            case .kept:
                foundAny = true
                line(cookies.name, "a session kept on the server side")
                if let handle = view.handle { describe(handle) }
            case .opened(let keyIsRetired):
                foundAny = true
                guard let session = view.session() else {
                    line(cookies.name, "is of another version of gatehouse")
                    continue
                }
                let lifetime = SessionLifetime(idleTimeout: configuration.session.idleTimeout)
                line(
                    cookies.name,
                    lifetime.isLive(session, at: now) ? "a session" : "a session that has ended")
                describe(session, keyIsRetired: keyIsRetired)
            }
        }
        let logins = LoginCookies(named: configuration.session.cookie.name, isSecure: isSecure)
        for login in logins.logins(in: request.head, request.octets.span) {
            foundAny = true
            line(logins.name(of: login), "a login in progress")
        }
        if !foundAny {
            line("no cookie", "of gatehouse's is in it (\(configuration.session.cookie.name))")
        }
    }

    private mutating func describe(_ session: Session, keyIsRetired: Bool) {
        item("subject", session.subject)
        item("id", Hex.encode(session.id.span))
        item("generation", "\(session.generation)")
        item("started", session.startedAt.iso8601)
        item(
            "sealed",
            session.sealedAt.iso8601 + (keyIsRetired ? ", under a key that no longer seals" : ""))
        item("expires", session.expires.iso8601)
        if let time = session.authenticatedAt { item("authenticated", time.iso8601) }
        if let context = session.authenticationContext { item("acr", context) }
        if let sid = session.providerSessionID { item("sid", sid) }
        if let scope = session.scope { item("scope", scope) }
        item("access token", Self.masked(session.accessToken))
        if let time = session.accessTokenExpires { item("access token ends", time.iso8601) }
        for token in session.resourceTokens {
            item(
                "access token for \(token.audience)", Self.masked(token.text ?? session.accessToken)
            )
        }
        item("refresh token", Self.masked(session.refreshToken))
        item("ID token", Self.masked(session.idToken))
        for claim in session.claims { item("claim \(claim.name)", claim.value.text) }
    }

    private mutating func describe(_ handle: SessionHandle) {
        switch handle.place {
        case .redis: item("kept in", "redis, as \(Hex.encode(handle.entryName.octets.span))")
        case .memory(let node, let process):
            item("kept in", "the memory of process \(Hex.encode(process.span)) on \(node)")
        }
        item("expires", handle.expires.iso8601)
    }

    private mutating func line(_ name: String, _ what: String) { text += "\(name): \(what)\n" }
    private mutating func item(_ name: String, _ value: String) {
        text += "    \(name): \(value)\n"
    }

    private static func masked(_ token: String?) -> String {
        token.map { "present, \($0.utf8.count) octets, masked" } ?? "none"
    }
}

/// A request that brings this Cookie field, read as any other would be.
private struct CookieRequest {
    let head: RequestHead
    let octets: [UInt8]

    init(_ field: String) throws {
        let octets = Array("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: \(field)\r\n\r\n".utf8)
        var reader = RequestReader(limits: HTTPLimits(headOctetsMax: 262_144))
        var head = RequestHead()
        guard case .head = reader.step(octets.span, into: &head) else {
            throw Refusal("standard input is no Cookie field that a request could carry")
        }
        self.octets = octets
        self.head = head
    }
}

extension SessionClaim.Value {
    fileprivate var text: String {
        switch self {
        case .text(let text), .number(let text): text
        case .list(let members): members.joined(separator: ", ")
        case .bool(let flag): "\(flag)"
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
