// /.auth/me: who is signed in, for a page's own script. It never extends the session.

internal import Configuration
internal import HTTP
internal import JSON
internal import Sessions
internal import Values

extension Gatekeeper {
    mutating func answerMe(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        let form = Form(parsing: request.octets.extracting(request.head.query.range))
        var providers = Array(snapshot.configuration.providers.indices)
        if let name = form?.first("provider") {
            providers.removeAll { snapshot.configuration.providers[$0].name != name }
        }
        let finding = findSession(
            providers, request, inquiry, into: &facts, extending: false)
        guard case .live(let provider, _) = finding, let session = view.session() else {
            return refuse(.unauthenticated, request, inquiry, facts)
        }
        let end = snapshot.lifetime.end(sealedAt: session.sealedAt, expires: session.expires)
        let name = snapshot.configuration.providers[provider].name
        let logout =
            "/.auth/logout"
            + (name.isEmpty ? "" : "?provider=" + PercentEncoding.encodeComponent(name))
        let body: JSON = [
            "sub": .string(session.subject), "claims": .object(claims(of: session)),
            "expires_in": JSON(max(0, inquiry.now.duration(to: end).components.seconds)),
            "logout_url": .string(origin(inquiry, facts).description + logout),
        ]
        return .answer(snapshot.json(200, "application/json", body))
    }

    /// Those that identity fields use, in the fields' order.
    private func claims(of session: Session) -> JSONObject {
        var claims = JSONObject()
        for header in snapshot.configuration.identity.headers {
            if header.claim == "sub" {
                claims["sub"] = .string(session.subject)
                continue
            }
            guard let claim = session.claims.first(where: { $0.name == header.claim }) else {
                continue
            }
            claims[header.claim] =
                switch claim.value {
                case .text(let text): .string(text)
                case .list(let members): .array(members.map { .string($0) })
                case .number(let text): .number(text)
                case .bool(let flag): .bool(flag)
                }
        }
        return claims
    }
}
