// The provider says that a session has ended: by a token it posts (OpenID Connect Back-Channel Logout
// 1.0), or by a frame in the browser (Front-Channel Logout 1.0).
//
// The token proves itself, so who brings it does not matter, and no cookie is read. A frame proves
// nothing: it names a session by `iss` and `sid`, which few know, and ends that one alone.

internal import Configuration
internal import HTTP
internal import JSON
internal import Sessions
internal import Values

extension Gatekeeper {
    /// Room for an encrypted token of a talkative provider's.
    private static let logoutTokenOctetsMax = 32_768
    /// `sid` is opaque; the longest that somebody gives is Oracle's, of 255.
    private static let sessionIDOctetsMax = 1024

    func answerBackchannelLogout(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict {
        // §2.5: a form. Nothing else is read at all.
        guard request.sendsForm else {
            return .answer(
                snapshot.logoutFailure("invalid_request", "the content has to be a form"))
        }
        guard let content = inquiry.gathered else {
            return .gather(octetsMax: Self.logoutTokenOctetsMax)
        }
        guard let form = Form(parsing: content.span), form.count(of: "logout_token") == 1,
            let token = form.first("logout_token"), !token.isEmpty
        else {
            return .answer(
                snapshot.logoutFailure("invalid_request", "there has to be one logout_token"))
        }
        return .suspend(
            .backchannelLogout(
                BackchannelLogoutIntent(asked: asked(request, inquiry, facts), token: token)))
    }

    mutating func answerFrontchannelLogout(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        if request.isPrefetch { return refuse(.prefetch, request, inquiry, facts) }
        guard let form = Form(parsing: request.octets.extracting(request.head.query.range)),
            form.count(of: "iss") == 1, form.count(of: "sid") == 1,
            let issuer = form.first("iss"), let sessionID = form.first("sid"),
            (1...Self.sessionIDOctetsMax).contains(sessionID.utf8.count)
        else {
            return refuse(
                .parameterInvalid("iss and sid are needed, once each"), request, inquiry, facts)
        }
        let providers = snapshot.configuration.providers
        let meant = providers.indices.filter { index in
            (([providers[index].issuer] + providers[index].acceptedIssuers)).contains {
                OctetText.equals(Array($0.utf8).span, Array(issuer.utf8).span)
            }
        }
        guard !meant.isEmpty else { return refuse(.providerUnknown, request, inquiry, facts) }
        // Whoever only wants the fields gets them without ending anything.
        if request.method == .head { return .answer(Answer(status: 200)) }
        let sessions = liveSessions(of: meant, request, inquiry, &facts).filter {
            $0.session.providerSessionID.map { Array($0.utf8) } == Array(sessionID.utf8)
        }
        return .suspend(
            .frontchannelLogout(
                FrontchannelLogoutIntent(
                    asked: asked(request, inquiry, facts), providers: meant, sessionID: sessionID,
                    sessions: sessions)))
    }
}

extension Request {
    /// Whether the content is a form's by its media type, whatever parameters it has.
    var sendsForm: Bool {
        guard let range = range(of: .contentType) else { return false }
        let value = octets.extracting(range)
        let end = OctetText.index(of: UInt8(ascii: ";"), in: value) ?? value.count
        return OctetText.equalsIgnoringASCIICase(
            value.extracting(OctetText.trimmedRange(value, in: 0..<end)),
            "application/x-www-form-urlencoded")
    }
}

extension Snapshot {
    /// §2.8: 400 whatever was wrong, with a JSON object as RFC 6749 §5.2 has it.
    package func logoutFailure(_ error: String, _ description: String) -> Answer {
        var answer = json(
            400, "application/json",
            ["error": .string(error), "error_description": .string(description)])
        answer.code = error
        answer.logReason = description
        return finished(answer)
    }

    /// §2.8: done, or nothing left to do.
    package func logoutDone() -> Answer {
        finished(Answer(status: 200, fields: [(name: "Pragma", value: "no-cache")]))
    }
}
