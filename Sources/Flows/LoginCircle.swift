// Whether a browser goes in a circle through the provider.
//
// A provider that knows the visitor sends the browser straight back, so a login that ends well and
// changes nothing would be followed by the next at once, without end and without anybody clicking. The
// cookies of logins that ended well stay for a minute and tell: once more is worth a try, a third time
// is a circle.

internal import Configuration
internal import Gateway
internal import Sessions
internal import Values

enum LoginCircle: Equatable {
    /// No login of this minute has been for nothing.
    case open
    /// One has; the next is marked as its repetition.
    case onceMore
    case closed(LoginRefusal, cause: String)

    /// - Parameters:
    ///   - finished: the logins of the last minute that ended well, as this browser's cookies name them.
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
