// An operator ends sessions: all of a user's, or everybody's.

package import Configuration
internal import Gateway
internal import JSON
internal import Sessions
internal import Telemetry
package import Values

/// What `POST /sessions/end` asks for.
package enum SessionsToEnd: Equatable, Sendable {
    /// Of every provider.
    case subject(String)
    case everybody

    /// `{"subject": "…"}` or `{"all": true}`; `nil` for anything else, so that a slip of the pen ends
    /// nobody's session.
    package init?(parsing content: [UInt8]) {
        guard let document = try? JSON(parsing: content.span),  // what is wrong does not matter
            let members = document.object, members.count == 1
        else { return nil }
        if let subject = members["subject"]?.string, !subject.isEmpty {
            self = .subject(subject)
        } else if members["all"]?.bool == true {
            self = .everybody
        } else {
            return nil
        }
    }

    /// The same in octets.
    package var content: [UInt8] {
        let document: JSON =
            switch self {
            case .subject(let subject): ["subject": .string(subject)]
            case .everybody: ["all": true]
            }
        return Array(document.serialized().utf8)
    }
}

extension Flows {
    /// Sessions that have begun by now are over when this returns.
    package func end(
        _ sessions: SessionsToEnd, _ configuration: Configuration, at now: UnixTime
    ) async {
        let until = now + configuration.session.lifetime
        let scopes: [EndedScope]
        var pairs: [(String, LogValue)] = []
        switch sessions {
        case .subject(let subject):
            scopes = configuration.providers.map {
                .group(
                    SessionGroup(
                        .subject, subject,
                        of: SessionRealm(issuer: $0.issuer, clientID: $0.clientID)))
            }
            pairs = [("subject", .string(subject))]
        case .everybody:
            scopes = [.everybody]
            pairs = [("all", .bool(true))]
        }
        await announceEnded(scopes.map { EndedSession($0, from: now, until: until) })
        log.event(.warning, "sessions-ended", request: nil, pairs)
    }
}
