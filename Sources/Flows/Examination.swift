// What can be found out about a provider before anybody signs in: for `gatehouse check --online`.
//
// Everything is looked at that a first login would stumble over, and each finding says what to change.
// Nothing is left behind at the provider: it is asked to show nothing, and for tokens with a code that
// nobody has.

package import Configuration
internal import HTTP
internal import OpenID
internal import Redis
internal import Sessions
internal import Values

extension Flows {
    /// Discovery, keys, the clock, what the provider announces, and whether it takes our client.
    package func examine(
        _ provider: ProviderSettings, _ configuration: Configuration,
        in environment: FlowEnvironment
    ) async -> [Finding] {
        let examination = Examination(
            flows: self, provider: provider, configuration: configuration, environment: environment)
        return await examination.judgements().map { Finding(provider.label, $0) }
    }

    /// Whether the store that nodes share answers; nothing where none is configured.
    package func examineStore(in environment: FlowEnvironment) async -> [Finding] {
        guard let redis = environment.redis else { return [] }
        do throws(RedisFailure) {
            _ = try await redis.call(RedisCommand("PING"), key: Array("gatehouse".utf8))
            return [Finding("redis", .good("answers"))]
        } catch {
            return [
                Finding(
                    "redis",
                    .bad(
                        error.sentence,
                        fix:
                            "start it, or correct session.redis: its url, user, password and ca_file"
                    ))
            ]
        }
    }
}

struct Examination {
    typealias Judgement = Finding.Judgement

    let flows: Flows
    let provider: ProviderSettings
    let configuration: Configuration
    let environment: FlowEnvironment

    /// A key of this provider, as the file has it.
    func key(_ name: String) -> String {
        (provider.name.isEmpty ? "provider." : "providers.\(provider.name).") + name
    }

    func judgements() async -> [Judgement] {
        let metadata: ProviderMetadata
        do throws(DirectoryFailure) {
            metadata = try await flows.directory.metadata(of: provider, in: environment)
        } catch {
            return [
                .bad(
                    "its discovery document cannot be used: \(error.sentence)",
                    fix: "check \(key("issuer")), the network, and \(key("ca_file"))")
            ]
        }
        var found = [Judgement.good("discovery found issuer \(metadata.issuer)")]
        found.append(await keys(metadata))
        found += announced(metadata)
        found.append(await clock())
        for uri in configuration.redirectURIs(ofProviderNamed: provider.name) {
            found.append(await login(by: uri, metadata))
        }
        if provider.responseType == .code { found.append(await client(metadata)) }
        return found
    }

    // MARK: What it publishes

    private func keys(_ metadata: ProviderMetadata) async -> Judgement {
        do throws(DirectoryFailure) {
            let keys = try await flows.directory.keys(of: provider, metadata, in: environment)
            let count = keys.document.keys.count
            return .good("\(count) signing key\(count == 1 ? "" : "s")")
        } catch {
            return .bad(
                "its keys cannot be read: \(error.sentence)",
                fix: provider.preset == .idcs
                    ? "allow access to the signing certificate in the identity domain's settings"
                    : "look at \(metadata.jwksURI): it must answer this machine with keys for signing"
            )
        }
    }

    private func announced(_ metadata: ProviderMetadata) -> [Judgement] {
        var found: [Judgement] = []
        let methods = metadata.tokenEndpointAuthenticationMethods
        if provider.responseType == .code, !methods.isEmpty,
            !methods.contains(provider.clientAuthentication.rawValue)
        {
            found.append(
                .doubtful(
                    "it does not announce \(provider.clientAuthentication.rawValue) at its token endpoint",
                    fix:
                        "set \(key("client_authentication")) to one of \(methods.joined(separator: ", "))"
                ))
        }
        let unknown = provider.scopes.filter { scope in
            !metadata.scopes.isEmpty && !metadata.scopes.contains(scope) && !scope.contains(":")
                && !scope.contains("/")
        }
        if !unknown.isEmpty {
            found.append(
                .doubtful(
                    "it does not announce the scopes \(unknown.joined(separator: ", "))",
                    fix: "check \(key("scopes"))"))
        }
        if configuration.session.logout.provider, metadata.endSessionEndpoint == nil {
            found.append(
                .doubtful(
                    "it has no end-session endpoint: logout ends the session here alone",
                    fix: "set session.logout.provider: false to say so"))
        }
        return found
    }

    // MARK: The clock

    private static let clockTolerance: Int64 = 30

    /// A token's times are judged by our clock, so it has to agree with the provider's.
    private func clock() async -> Judgement {
        guard let url = ProviderMetadata.discoveryURL(provider.issuer) else {
            return .bad("its issuer has no discovery URL", fix: "correct \(key("issuer"))")
        }
        let response: InboundResponse
        switch await ask(OutboundRequest(method: "GET", url: url)) {
        case .success(let answer): response = answer
        case .failure(let failure):
            return .bad(
                failure.sentence, fix: "check the network between here and the provider")
        }
        guard let date = response.field("Date").flatMap(HTTPDate.parse) else {
            return .doubtful(
                "its answers have no Date, so its clock was not compared with ours",
                fix: "keep this machine's clock by NTP")
        }
        let difference = date.seconds - environment.now().seconds
        guard difference.magnitude > Self.clockTolerance else {
            return .good("its clock agrees with ours")
        }
        return .bad(
            "its clock is \(difference.magnitude) s \(difference > 0 ? "ahead of" : "behind") ours",
            fix: "keep this machine's clock by NTP; a minute's difference refuses logins")
    }

    func ask(_ request: OutboundRequest) async -> Result<InboundResponse, ClientFailure> {
        do throws(ClientFailure) {
            return .success(
                try await environment.client.send(
                    request, as: provider.identity, deadline: .seconds(10), octetsMax: 1 << 20))
        } catch { return .failure(error) }
    }
}
