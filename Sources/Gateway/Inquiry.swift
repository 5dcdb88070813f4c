// What is known of a request while it is judged, beyond its head: who the peer is, what a flow has
// found, which host is asked, whether there is a session.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

struct Inquiry {
    let peer: Peer
    let known: KnownSession
    let gathered: [UInt8]?
    let now: UnixTime
    let passesTracestate: Bool
    /// An index into `HostTable.hosts`.
    var host = 0
    /// Before this is set, nothing that depends on the host may be said.
    var isHostOurs = false
    /// Another name of this machine than external_url's.
    var isOtherLoopback = false
    /// Where the host stands in the request's octets, with its port.
    var hostRange = 0..<0
    var finding = SessionFinding.none

    /// Whether the browser's session ended just now, when its token was to be renewed.
    var wasFoundWithoutSession: Bool {
        switch known {
        case .none: true
        case .unread, .session, .fetched, .unavailable: false
        }
    }

    /// Whether a flow has already looked after this request's session.
    var wasTried: Bool {
        switch known {
        case .unread, .fetched, .unavailable: false
        case .session, .none: true
        }
    }
}

/// What became of looking for a session. With `.live` the gatekeeper's view holds it.
enum SessionFinding: Equatable {
    case none
    case live(provider: Int, wantsSealing: Bool)
}

extension Inquiry {
    /// What a flow made for this browser. A session that has ended meanwhile brings no cookie.
    var cookiesOfFlow: [String] {
        guard case .session(_, let setCookies) = known, case .live = finding else { return [] }
        return setCookies
    }
}

extension Gatekeeper {
    /// The first live session of these providers that was opened here, and, where a route asks, one
    /// that is strong enough for it. A cookie that does not open, or is somebody else's, is as if
    /// absent.
    mutating func findSession(
        _ providers: [Int], _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        into facts: inout RequestFacts, for route: CompiledRoute? = nil, extending: Bool = true
    ) -> SessionFinding {
        if weak != nil { weak = nil }
        switch inquiry.known {
        case .none: return .none
        case .session(let session, _):
            view.handle = session.handle
            guard view.parse(session.encoded()) else { return .none }
            let bindings = bindings(inquiry, facts)
            // The cookies that a flow made are new: they need no sealing again.
            for provider in providers where view.isBound(to: bindings[provider]) {
                return accept(
                    provider, wantsSealing: false, inquiry.now, into: &facts, for: route)
            }
            return .none
        case .unread, .fetched, .unavailable: break
        }
        guard request.has(.cookie) else { return .none }
        let bindings = bindings(inquiry, facts)
        for provider in providers {
            let reading = sessions.read(
                snapshot.sessionCookies[provider], in: cookies, request.octets, into: &view,
                at: inquiry.now)
            switch reading {
            case .absent: continue
            case .unreadable: facts.sessionOutcome = .failed
            case .opened(let keyIsRetired):
                guard view.isBound(to: bindings[provider]) else {
                    facts.sessionOutcome = .failed
                    continue
                }
                if isSuperseded(at: inquiry.now) { continue }
                let wantsSealing =
                    keyIsRetired || snapshot.lifetime.wantsSealing(view, at: inquiry.now)
                let finding = accept(
                    provider, wantsSealing: wantsSealing, inquiry.now, into: &facts, for: route)
                if finding != .none { return finding }
            case .kept(let keyIsRetired):
                guard let handle = view.handle, openKept(handle, inquiry, extending: extending),
                    view.isBound(to: bindings[provider])
                else {
                    if obstacle != nil { return .none }
                    facts.sessionOutcome = .failed
                    continue
                }
                // The store counts idleness; only the handle's own key may grow old.
                let finding = accept(
                    provider, wantsSealing: keyIsRetired, inquiry.now, into: &facts, for: route)
                if finding != .none { return finding }
            }
        }
        return .none
    }

    private mutating func accept(
        _ provider: Int, wantsSealing: Bool, _ now: UnixTime, into facts: inout RequestFacts,
        for route: CompiledRoute?
    ) -> SessionFinding {
        facts.sessionOutcome = .opened
        guard snapshot.lifetime.isLive(view, at: now),
            !endedSessions.contains(view, of: snapshot.realms[provider], at: now)
        else {
            return .none
        }
        if let route, !isStrongEnough(for: route, at: now) {
            weak = WeakSession(provider: provider, scopes: grantedScopes)
            return .none
        }
        facts.subject.removeAll()
        facts.subject.append(contentsOf: view.octets.span.extracting(view.subject))
        facts.providerSession.removeAll()
        facts.session = SessionMark(view, provider: provider)
        if let session = view.providerSessionID {
            facts.providerSession.append(contentsOf: view.octets.span.extracting(session))
        }
        return .live(provider: provider, wantsSealing: wantsSealing)
    }

    /// Whether the login behind the session is what the route asks of one; a weaker session steps
    /// up.
    private func isStrongEnough(for route: CompiledRoute, at now: UnixTime) -> Bool {
        if let maxAge = route.settings.maxAge {
            let proved = view.authenticatedAt ?? view.startedAt
            // The provider's clock may differ by as much as its ID tokens may.
            guard now <= proved.advanced(by: maxAge + Self.clockSkew) else { return false }
        }
        if !route.settings.acrValues.isEmpty {
            guard let range = view.authenticationContext,
                let context = OctetText.string(view.octets.span.extracting(range)),
                route.settings.acrValues.contains(where: { $0.utf8.elementsEqual(context.utf8) })
            else { return false }
        }
        if !route.settings.scopes.isEmpty {
            let granted = grantedScopes
            return route.settings.scopes.allSatisfy { wanted in
                granted.contains { $0.utf8.elementsEqual(wanted.utf8) }
            }
        }
        return true
    }

    private static let clockSkew = Duration.seconds(60)

    /// What the provider granted the session in hand; nothing where no route asked when it began.
    private var grantedScopes: [String] {
        guard let range = view.scope,
            let text = OctetText.string(view.octets.span.extracting(range))
        else { return [] }
        return text.scopeNames
    }

    /// How it stands with the access token of the session in hand.
    func tokenState(of route: CompiledRoute, at now: UnixTime) -> TokenState {
        guard view.hasAccessToken(for: route.settings.tokenAudience) else { return .missing }
        // A token that never says when it ends is used until the provider's API refuses it.
        guard let ends = view.accessTokenExpires else { return .fresh }
        guard now < ends else { return view.hasRefreshToken ? .endedRenewable : .missing }
        guard view.hasRefreshToken else { return .fresh }
        return now.advanced(by: refreshesAhead(of: ends)) < ends ? .fresh : .ending
    }

    /// How long before its end a token is renewed: a minute, so that requests under way are served
    /// with one that lives; of a token with less than two minutes left when the cookie was sealed,
    /// half of that, so that a short one is not renewed with every request. Up to a quarter earlier, as
    /// the session's id has it, so that those who signed in together do not all renew together.
    private func refreshesAhead(of ends: UnixTime) -> Duration {
        let ahead = min(Self.renewsAheadMost, max(.seconds(1), view.madeAt.duration(to: ends) / 2))
        return ahead + ahead / 1024 * Int(view.octets.span[view.id.lowerBound])
    }

    private static let renewsAheadMost = Duration.seconds(60)

    /// Whether another node may have renewed a session while its request was under way here: then the
    /// cookie that this answer would bring could take the newer one's place, with a refresh token that
    /// is spent. The next request brings it.
    func mayBeRenewedElsewhere(
        _ session: Session, since decidedAt: UnixTime, at now: UnixTime
    ) -> Bool {
        guard snapshot.configuration.session.redis != nil, session.refreshToken != nil,
            let ends = session.accessTokenExpires
        else { return false }
        let mayBegin = now.advanced(by: Self.renewsAheadMost + Self.renewsAheadMost / 4)
        return now > decidedAt.advanced(by: .seconds(1)) && ends <= mayBegin
    }

    func cookiesToAdd(_ inquiry: borrowing Inquiry) -> CookiesToAdd {
        switch inquiry.known {
        case .session(let session, _):
            let made = inquiry.cookiesOfFlow
            guard case .live(let provider, _) = inquiry.finding, !made.isEmpty else {
                return .none
            }
            return .made(made, of: session, provider: provider)
        case .none: return .none
        case .unread, .fetched, .unavailable: break
        }
        guard case .live(let provider, wantsSealing: true) = inquiry.finding,
            let session = view.session()
        else { return .none }
        return .extend(
            session, provider: provider, replacing: sessions.present, decidedAt: inquiry.now)
    }
}

/// A live session whose login was less than the route asks for.
struct WeakSession {
    let provider: Int
    /// Asked for again, so that a page which needed them is not shut by the step up for another.
    let scopes: [String]
}

extension Snapshot {
    /// A session's cookies, sealed now; empty where they would exceed the budget, which only a
    /// change of the configuration brings about, and then the old ones stay.
    func setCookies(
        for session: Session, provider: Int, replacing present: SessionCookies.Pieces,
        sealer: Sealer, at now: UnixTime, using dice: inout some RandomNumberGenerator
    ) -> [String] {
        var session = session
        session.sealedAt = now
        let plaintext = session.handle?.encoded() ?? session.encoded()
        let cookies = sessionCookies[provider]
        guard cookies.fits(plaintext: plaintext.count, budget: configuration.session.cookie.budget)
        else { return [] }
        let text = sealer.seal(
            plaintext.span, for: .session, named: cookies.name, at: now, using: &dice)
        return cookies.setCookies(text, replacing: present).map(\.field)
    }
}
