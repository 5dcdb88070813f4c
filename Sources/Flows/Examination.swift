// What can be found out about a provider before anybody signs in: for `gatehouse check --online`.

package import Configuration
internal import HTTP
internal import OpenID
internal import Values

/// One thing that was looked at.
package struct Finding: Sendable, CustomStringConvertible {
    package enum Judgement: Sendable {
        case good(String)
        /// Works, and may surprise somebody.
        case doubtful(String, fix: String)
        case bad(String, fix: String)
    }

    package let subject: String
    package let judgement: Judgement

    package init(_ subject: String, _ judgement: Judgement) {
        self.subject = subject
        self.judgement = judgement
    }

    package var isGood: Bool {
        switch judgement {
        case .good, .doubtful: true
        case .bad: false
        }
    }

    package var description: String {
        switch judgement {
        case .good(let what): "ok: \(subject): \(what)"
        case .doubtful(let what, let fix): "warning: \(subject): \(what)\n    fix: \(fix)"
        case .bad(let what, let fix): "problem: \(subject): \(what)\n    fix: \(fix)"
        }
    }
}

extension Flows {
    private static let clockTolerance: Int64 = 30

    /// Discovery, keys, the clock, and what the provider announces that this configuration needs.
    package func examine(
        _ provider: ProviderSettings, _ configuration: Configuration,
        in environment: FlowEnvironment
    ) async -> [Finding] {
        let subject = provider.label
        let metadata: ProviderMetadata
        do throws(DirectoryFailure) {
            metadata = try await directory.metadata(of: provider, in: environment)
        } catch {
            return [
                Finding(
                    subject,
                    .bad(
                        "its discovery document cannot be used: \(error.sentence)",
                        fix: "check provider.issuer, the network, and provider.ca_file"))
            ]
        }
        var findings = [Finding(subject, .good("discovery found issuer \(metadata.issuer)"))]
        do throws(DirectoryFailure) {
            let keys = try await directory.keys(of: provider, metadata, in: environment)
            findings.append(Finding(subject, .good("\(keys.document.keys.count) signing keys")))
        } catch {
            findings.append(
                Finding(
                    subject,
                    .bad(
                        "its keys cannot be read: \(error.sentence)",
                        fix:
                            "allow access to the signing certificate in the identity domain's settings"
                    )))
        }
        findings += announced(provider, metadata, configuration)
        findings += await clock(of: provider, environment)
        return findings
    }

    private func announced(
        _ provider: ProviderSettings, _ metadata: ProviderMetadata, _ configuration: Configuration
    ) -> [Finding] {
        let subject = provider.label
        var findings: [Finding] = []
        let methods = metadata.tokenEndpointAuthenticationMethods
        if !methods.isEmpty, !methods.contains(provider.clientAuthentication.rawValue) {
            findings.append(
                Finding(
                    subject,
                    .doubtful(
                        "it does not announce \(provider.clientAuthentication.rawValue) at its token endpoint",
                        fix:
                            "set provider.client_authentication to one of \(methods.joined(separator: ", "))"
                    )))
        }
        let unknown = provider.scopes.filter { scope in
            !metadata.scopes.isEmpty && !metadata.scopes.contains(scope) && !scope.contains(":")
                && !scope.contains("/")
        }
        if !unknown.isEmpty {
            findings.append(
                Finding(
                    subject,
                    .doubtful(
                        "it does not announce the scopes \(unknown.joined(separator: ", "))",
                        fix: "check provider.scopes")))
        }
        if configuration.session.logout.provider, metadata.endSessionEndpoint == nil {
            findings.append(
                Finding(
                    subject,
                    .doubtful(
                        "it has no end-session endpoint: logout ends the session here alone",
                        fix: "set session.logout.provider: false to say so")))
        }
        return findings
    }

    /// A token's times are judged by our clock, so it has to agree with the provider's.
    private func clock(
        of provider: ProviderSettings, _ environment: FlowEnvironment
    ) async -> [Finding] {
        guard let url = ProviderMetadata.discoveryURL(provider.issuer) else { return [] }
        let request = OutboundRequest(method: "GET", url: url)
        do throws(ClientFailure) {
            let response = try await environment.client.send(
                request, as: provider.identity, deadline: .seconds(10), octetsMax: 1 << 20)
            guard let date = response.field("Date").flatMap(HTTPDate.parse) else { return [] }
            let difference = date.seconds - environment.now().seconds
            guard difference.magnitude > Self.clockTolerance else {
                return [Finding(provider.label, .good("its clock agrees with ours"))]
            }
            return [
                Finding(
                    provider.label,
                    .bad(
                        "its clock is \(difference.magnitude) s \(difference > 0 ? "ahead of" : "behind") ours",
                        fix:
                            "keep this machine's clock by NTP; a minute's difference refuses logins"
                    ))
            ]
        } catch {
            return [
                Finding(
                    provider.label,
                    .bad(error.sentence, fix: "check the network between here and the provider"))
            ]
        }
    }
}
