// An upstream that finds the login behind an access token too weak says so (RFC 9470 §3): the visitor is
// sent to one that is stronger.
//
// Only where the token was ours to send. A navigation goes to /.auth/login with what is asked for, sealed;
// for everybody else the answer is a 401 of ours that names that link. A login that does not help is
// noticed as any circle is.

internal import Configuration
package import HTTP
internal import Sessions
package import Values

extension Gatekeeper {
    /// The answer instead of an upstream's 401; `nil` where it is to be passed on as it is.
    /// - Parameter upstreamHead: what the upstream was sent, for the query that was asked with.
    package mutating func stepUpAnswer(
        _ head: borrowing ResponseHead, _ octets: Span<UInt8>, under plan: ForwardPlan,
        upstreamHead: Span<UInt8>, facts: borrowing RequestFacts, at now: UnixTime
    ) -> Answer? {
        guard head.status == 401, plan.injectsToken, let session = facts.session,
            plan.snapshot.configuration.providers.indices.contains(Int(session.provider)),
            let challenge = InsufficientAuthentication(head, octets)
        else { return nil }
        let demand = StepUpDemand(
            authenticationContexts: challenge.contexts, maxAge: challenge.maxAge)
        let isNavigation = facts.asker == .person && facts.method == .get
        let returnTo =
            isNavigation
            ? ReturnPath.checked(facts.path.text + Self.query(ofRequestIn: upstreamHead)) : "/"
        let provider = plan.snapshot.configuration.providers[Int(session.provider)].name
        let target =
            OwnPath.loginTarget(returnTo: returnTo, provider: provider) + "&requirements="
            + demand.sealed(by: sealer, at: now, using: &dice)
        guard !isNavigation else { return plan.snapshot.finished(.seeOther(target)) }
        var audience = Audience(
            asker: facts.asker, isGraphQL: facts.isGraphQL, requestID: facts.requestID.text)
        audience.loginURL = String(decoding: plan.originOctets, as: UTF8.self) + target
        audience.shortfall = challenge.words
        var answer = plan.snapshot.answer(Statement(.unauthenticated), to: audience)
        answer.logReason = "the upstream asks for another login"
        return plan.snapshot.finished(answer)
    }

    /// `?` and what follows, of the request line.
    private static func query(ofRequestIn head: Span<UInt8>) -> String {
        var start: Int?
        for index in head.indices {
            if head[index] == UInt8(ascii: "?"), start == nil { start = index }
            guard head[index] == UInt8(ascii: "\r") else { continue }
            let end = index - " HTTP/1.1".utf8.count
            guard let start, start < end else { return "" }
            return OctetText.string(head.extracting(start..<end)) ?? ""
        }
        return ""
    }
}

/// The challenge of RFC 9470 §3, where an answer has one that says what would be enough.
private struct InsufficientAuthentication {
    private static let contextsMax = 10
    private static let contextOctetsMax = 256

    var contexts: [String] = []
    var maxAge: Duration?

    init?(_ head: borrowing ResponseHead, _ octets: Span<UInt8>) {
        for field in head.fields where field.known == .wwwAuthenticate {
            guard let text = OctetText.string(octets.extracting(field.value.range)),
                text.prefix(7).lowercased() == "bearer ",
                let parameters = Self.parameters(text.dropFirst(7)),
                parameters["error"] == "insufficient_user_authentication"
            else { continue }
            contexts = (parameters["acr_values"] ?? "").split(separator: " ").map(String.init)
            if let text = parameters["max_age"] {
                guard let seconds = Int64(text), (0...315_360_000).contains(seconds) else {
                    continue
                }
                maxAge = .seconds(seconds)
            }
            guard contexts.count <= Self.contextsMax, !contexts.isEmpty || maxAge != nil,
                contexts.allSatisfy({ $0.utf8.count <= Self.contextOctetsMax })
            else { continue }
            return
        }
        return nil
    }

    /// In the words of our own challenge.
    var words: String {
        var text = "error=\"insufficient_user_authentication\""
        if !contexts.isEmpty {
            let values = contexts.joined(separator: " ").filter { $0 != "\"" && $0 != "\\" }
            text += ", acr_values=\"\(values)\""
        }
        if let maxAge { text += ", max_age=\(maxAge.components.seconds)" }
        return text
    }

    /// auth-param (RFC 9110 §11.2), as far as they go; `nil` where one stands twice.
    private static func parameters(_ text: Substring) -> [String: String]? {
        var found: [String: String] = [:]
        var rest = text
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
            guard let equals = rest.firstIndex(of: "=") else { return found }
            let name = rest[..<equals].lowercased()
            // A name with a space in it is another challenge's scheme.
            guard !name.contains(" "), !name.isEmpty else { return found }
            rest = rest[rest.index(after: equals)...]
            var value = ""
            if rest.first == "\"" {
                rest = rest.dropFirst()
                while let next = rest.popFirst(), next != "\"" {
                    value.append(next == "\\" ? rest.popFirst() ?? next : next)
                }
            } else {
                value = String(rest.prefix { $0 != "," && $0 != " " })
                rest = rest.dropFirst(value.count)
            }
            guard found.updateValue(value, forKey: name) == nil else { return nil }
        }
    }
}

extension LoginRequirements {
    /// These, and what an upstream asks for: its word counts for `acr`, the shorter age for the proof.
    func and(_ demand: StepUpDemand?) -> LoginRequirements {
        guard let demand else { return self }
        var both = self
        if !demand.authenticationContexts.isEmpty { both.acrValues = demand.authenticationContexts }
        both.maxAge = [maxAge, demand.maxAge].compactMap { $0 }.min()
        return both
    }
}
