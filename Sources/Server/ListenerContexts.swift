// What one loop's TLS listeners show, by the listeners' indexes: made from the checked configuration by
// whoever starts, reloads, or finds that a certificate's file has changed.

package import Configuration
package import TLS

/// `@unchecked Sendable`: made on one thread and handed to a loop, which alone uses it from then on.
package final class ListenerContexts: @unchecked Sendable {
    private let contexts: [TLSServerContext?]

    package static let none = ListenerContexts([])

    private init(_ contexts: [TLSServerContext?]) { self.contexts = contexts }

    func context(ofListener index: Int) -> TLSServerContext? {
        contexts.indices.contains(index) ? contexts[index] : nil
    }

    /// One for each of `loops`.
    /// - Parameter tickets: of listeners without a file of their own.
    package static func make(
        _ listeners: [ListenerSettings], loops: Int, tickets: TicketKeys
    ) throws(ListenerContextProblem) -> [ListenerContexts] {
        // All loops of a listener share its ring, so that a session resumes on whichever it meets.
        let rings = listeners.map { listener in
            listener.tls?.ticketKeys.flatMap { TicketKeys($0.exposedKeys) } ?? tickets
        }
        var made: [ListenerContexts] = []
        for _ in 0..<loops {
            var contexts: [TLSServerContext?] = []
            for (listener, ring) in zip(listeners, rings) {
                guard let tls = listener.tls else {
                    contexts.append(nil)
                    continue
                }
                do throws(TLSProblem) {
                    contexts.append(try TLSServerContext(ServerSettings(tls), tickets: ring))
                } catch {
                    throw ListenerContextProblem(listener: listener.label, problem: error)
                }
            }
            made.append(ListenerContexts(contexts))
        }
        return made
    }
}

package struct ListenerContextProblem: Error, CustomStringConvertible {
    let listener: String
    let problem: TLSProblem
    package var description: String { "TLS of \(listener): \(problem)" }
}

extension ServerSettings {
    /// The protocols that clients are offered, best first.
    static let protocols = ["h2", "http/1.1"]

    fileprivate init(_ tls: TLSListenerSettings) {
        self.init(
            certificates: tls.certificates.compactMap { files in
                guard let chain = files.chain, let key = files.key else { return nil }
                return Certificate(
                    chain: chain.octets, key: key.exposed,
                    ocsp: files.ocsp.flatMap { $0.octets.isEmpty ? nil : $0.octets })
            },
            minimumVersion: tls.profile == .modern || tls.minimumVersion == .v1_3 ? .tls13 : .tls12,
            clientAuthorities: tls.clientCA?.octets,
            clientCertificates: tls.clientCertificates == .required ? .required : .optional,
            alpn: Self.protocols)
    }
}
