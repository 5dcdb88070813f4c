// Whether a browser goes in a circle through the provider.
//
// A provider that knows the visitor sends the browser straight back, so a login that ends well and
// changes nothing would be followed by the next at once, without end and without anybody clicking. The
// cookies of logins that ended well stay for a minute and tell, at whichever node the browser comes by:
// once more is worth a try, a third time is a circle. Who is signed in and follows a link to the login
// goes in none.

internal import Configuration
internal import Gateway
internal import HTTP
internal import Sessions
internal import Values

enum LoginCircle: Equatable {
    /// No login of this minute has been for nothing.
    case open
    /// One has; the next is marked as its repetition.
    case onceMore
    case closed(LoginRefusal, cause: String)

    /// How long the cookie of a login that ended well stays with the browser.
    static let markKept = Duration.seconds(60)
    /// How many cookies are looked at; a browser with more has been given them by somebody else.
    private static let marksMax = 10

    /// The cookie of a login that has ended, to tell of it.
    static func mark(
        of attempt: LoginAttempt, _ snapshot: Snapshot, at now: UnixTime
    ) -> SetCookie {
        var generator = SystemRandomNumberGenerator()
        let cookies = snapshot.loginCookies
        let sealed = attempt.sealed(
            by: Sealer(snapshot.ring), for: cookies, at: now, using: &generator)
        return cookies.cookie(of: attempt.id, sealed: sealed, lasting: markKept)
    }

    /// The logins of the last minute that ended well, as this browser's cookies tell.
    static func finished(
        _ asked: Asked, _ snapshot: Snapshot, at now: UnixTime
    ) -> [FinishedLogin] {
        let (cookies, sealer) = (snapshot.loginCookies, Sealer(snapshot.ring))
        return asked.loginCookies.prefix(marksMax).compactMap { cookie in
            guard let id = cookies.id(of: cookie),
                let attempt = LoginAttempt(
                    opening: cookie.value, of: id, with: sealer, for: cookies, at: now),
                let ending = attempt.ending, now < ending.at + markKept
            else { return nil }
            return FinishedLogin(
                returnTo: attempt.returnTo, provider: attempt.provider,
                isRepeated: ending.isRepeated)
        }
    }

    /// - Parameters:
    ///   - finished: the logins of the last minute that ended well.
    ///   - returnTo: where the next login would lead.
    ///   - bringsSession: whether a session cookie came, whatever it is worth.
    init(_ finished: [FinishedLogin], returnTo: String, bringsSession: Bool) {
        // A browser that returns the session's cookie may well begin another login, to another page;
        // only one to where the last one led has been for nothing.
        let circling = bringsSession ? finished.filter { $0.returnTo == returnTo } : finished
        if circling.contains(where: \.isRepeated) {
            self =
                bringsSession
                ? .closed(
                    .requirementsUnmet,
                    cause: "two logins of this minute ended well, and the session of neither is "
                        + "enough for the page they lead to")
                : .closed(
                    .cookiesMissing,
                    cause: "two logins ended well and neither brought a session cookie back")
        } else {
            self = circling.isEmpty ? .open : .onceMore
        }
    }
}

/// A login that ended with a session, less than a minute ago.
struct FinishedLogin: Equatable, Sendable {
    let returnTo: String
    /// The name of the provider it went to.
    let provider: String
    /// It took the place of one that had ended well for nothing, or had lost its cookie.
    let isRepeated: Bool
}
