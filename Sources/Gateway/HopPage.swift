// `session.cookie.same_site: strict`: a page of ours between another site and the one that was asked for.
//
// Such a cookie does not come along when another site's page leads here, so a visitor who is signed in
// looks like one who is not. The page leads to the same address once more, by `Refresh` and without a
// script; what a page of ours begins is same-site, and brings the cookie. Whoever has no session then is
// sent to the provider. A mark of five seconds for the very address keeps a browser that does not play
// along from going in a circle; for one that neither says where it comes from nor keeps cookies the
// process remembers it. The page is the last hop of a login, too, for the way back from the
// provider is a navigation from there.

internal import Configuration
internal import Cryptography
internal import HTTP
internal import Sessions
internal import Synchronization
internal import Values

extension Gatekeeper {
    /// The page, where a navigation may lack its session for where it came from alone.
    /// - Parameter target: where the login would lead, a path of ours.
    func hop(
        to target: String, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Answer? {
        guard snapshot.isStrict, facts.asker == .person,
            request.method == .get, !request.has(.secFetchSite) || isCrossSite(request)
        else { return nil }
        let asked = asked(request, inquiry, facts)
        let mark = HopMark(target)
        // A session that came along and does not count will not count a second time.
        guard asked.sessionCookieNames.isEmpty,
            !asked.loginCookies.contains(where: {
                $0.name == snapshot.hopMarkName && $0.value == mark.value
            })
        else { return nil }
        // A browser with fetch metadata tells by itself that our own page led it here.
        guard
            request.has(.secFetchSite)
                || snapshot.hops.isFirst(mark.value, of: facts.client, at: inquiry.now)
        else { return nil }
        return Pages.hop(
            to: target, setCookies: [mark.cookie(snapshot)], requestID: asked.requestID)
    }

    private func isCrossSite(_ request: borrowing Request) -> Bool {
        !request.says(.secFetchSite, "same-origin") && !request.says(.secFetchSite, "same-site")
            && !request.says(.secFetchSite, "none")
    }
}

/// Says that the page was shown for an address a moment ago.
private struct HopMark {
    static let lasts = 5
    let value: [UInt8]

    init(_ target: String) {
        let digest = SHA256.digest(Array(target.utf8).span)
        value = Array(Base64URL.encode(digest.span.extracting(0..<12)).utf8)
    }

    func cookie(_ snapshot: Snapshot) -> String {
        SetCookie(
            name: snapshot.hopMarkName, value: String(decoding: value, as: UTF8.self),
            maxAge: Self.lasts, secure: snapshot.loginCookies.isSecure, httpOnly: true,
            sameSite: .lax, path: "/"
        ).field
    }
}

/// Whom the page was shown without fetch metadata, a moment ago; the same through every reload.
package final class HopMemory: Sendable {
    private struct Shown: Hashable {
        let client: IPAddress?
        let mark: [UInt8]
    }

    private static let entriesMax = 4096
    private let until = Mutex<[Shown: UnixTime]>([:])

    package init() {}

    /// Whether it is to be shown. In a flood of addresses it is not, which only costs a login.
    func isFirst(_ mark: [UInt8], of client: IPAddress?, at now: UnixTime) -> Bool {
        until.withLock { until in
            let shown = Shown(client: client, mark: mark)
            if let end = until[shown], now < end { return false }
            if until.count >= Self.entriesMax { until = until.filter { now < $0.value } }
            guard until.count < Self.entriesMax else { return false }
            until[shown] = now + .seconds(HopMark.lasts)
            return true
        }
    }
}

extension Snapshot {
    /// Among the names of logins, so that no upstream sees it; no login is called so.
    fileprivate var hopMarkName: String { loginCookies.namePrefix + "hop" }

    /// Whether session cookies come along from our own pages alone.
    package var isStrict: Bool { configuration.session.cookie.sameSite == .strict }

    /// How a login ends: at the page that was asked for, by the hop that a strict cookie needs.
    package func loginDone(
        _ returnTo: String, setCookies: [String], requestID: String
    ) -> Answer {
        guard isStrict else {
            return .seeOther(returnTo, setCookies: setCookies)
        }
        return Pages.hop(to: returnTo, setCookies: setCookies, requestID: requestID)
    }
}
