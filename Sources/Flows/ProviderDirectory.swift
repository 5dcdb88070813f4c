// What is known of each provider: its discovery document and its keys (OpenID Connect Discovery 1.0).
//
// Both are read when first needed, kept, read again ahead of their age, and served stale while the
// provider is down. A failure is remembered for a moment, so that a thousand visitors of a provider
// that is down make one request a second and not a thousand. Nothing of one provider touches another.

package import Configuration
internal import Cryptography
internal import OpenID
internal import Synchronization
internal import Telemetry
internal import Values

package final class ProviderDirectory: Sendable {
    private let entries = Mutex<[ProviderKey: ProviderEntry]>([:])
    private let log: Log
    private let tally: Tally

    init(log: Log, tally: Tally) {
        self.log = log
        self.tally = tally
    }

    /// Reads what is not known yet, and forgets the providers of earlier configurations. The first
    /// attempt, well or badly ended, makes the process ready.
    package func prepare(
        _ providers: [ProviderSettings], in environment: FlowEnvironment
    ) async {
        let wanted = Set(providers.map(ProviderKey.init))
        entries.withLock { entries in entries = entries.filter { wanted.contains($0.key) } }
        // Side by side: one that is slow keeps no other waiting. The group's tasks are this task's
        // children, and stay on its loop.
        await withDiscardingTaskGroup { group in
            for provider in providers {
                group.addTask {
                    do throws(DirectoryFailure) {
                        let metadata = try await self.metadata(of: provider, in: environment)
                        _ = try await self.keys(of: provider, metadata, in: environment)
                    } catch {}  // logged where it happened; a visitor's login tries again
                }
            }
        }
    }

    /// For `/readyz`: what is wrong with each provider that is not known.
    package func degraded(_ providers: [ProviderSettings]) -> [(provider: String, why: String)] {
        providers.compactMap { provider in
            entry(of: provider).trouble.map { (provider.name, $0) }
        }
    }

    func metadata(
        of provider: ProviderSettings, in environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> ProviderMetadata {
        try await entry(of: provider).metadata.value(in: environment) {
            () async throws(DirectoryFailure) in
            try await self.fetchMetadata(of: provider, in: environment)
        }.document
    }

    func keys(
        of provider: ProviderSettings, _ metadata: ProviderMetadata, in environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> KeptDocument<JWKSet>.Edition {
        try await entry(of: provider).keys.value(in: environment) {
            () async throws(DirectoryFailure) in
            try await self.fetchKeys(of: provider, metadata, in: environment)
        }
    }

    /// The keys after a token named one that is unknown, or failed under a known one: the provider may
    /// have changed them. At most one request a minute comes of it, whatever tokens arrive, and one
    /// more of what strangers post.
    func keys(
        after number: Int, of provider: ProviderSettings, _ metadata: ProviderMetadata,
        forStranger isStranger: Bool = false, in environment: FlowEnvironment
    ) async -> KeptDocument<JWKSet>.Edition? {
        await entry(of: provider).keys.edition(
            after: number, forStranger: isStranger, in: environment
        ) {
            () async throws(DirectoryFailure) in
            try await self.fetchKeys(of: provider, metadata, in: environment)
        }
    }

    private func entry(of provider: ProviderSettings) -> ProviderEntry {
        let key = ProviderKey(provider)
        return entries.withLock { entries in
            if let entry = entries[key] { return entry }
            let entry = ProviderEntry()
            entries[key] = entry
            return entry
        }
    }

    // MARK: Fetching

    private static let documentOctetsMax = 1 << 20
    private static let fetchDeadline = Duration.seconds(10)

    private func fetchMetadata(
        of provider: ProviderSettings, in environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> ProviderMetadata {
        do throws(DirectoryFailure) {
            guard let url = ProviderMetadata.discoveryURL(provider.issuer) else {
                throw .refused("the issuer is no URL that discovery could start from")
            }
            let request = OutboundRequest(
                method: "GET", url: url, fields: [("Accept", "application/json")])
            let response = try await get(request, provider, environment)
            do throws(DiscoveryFault) {
                let metadata = try ProviderMetadata(
                    parsing: response.body, for: provider.issuerExpectation, from: url,
                    usesMutualTLS: provider.usesMutualTLS)
                log.event(
                    .info, "provider-discovered",
                    request: nil,
                    [("provider", .string(provider.label)), ("issuer", .string(metadata.issuer))])
                return metadata
            } catch { throw .refused(error.sentence) }
        } catch {
            report("provider-discovery-failed", provider, error)
            throw error
        }
    }

    private func fetchKeys(
        of provider: ProviderSettings, _ metadata: ProviderMetadata, in environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> JWKSet {
        do throws(DirectoryFailure) {
            var request = OutboundRequest(
                method: "GET", url: metadata.jwksURI, fields: [("Accept", "application/json")])
            var response = try await exchange(request, provider, environment)
            if response.status == 401 || response.status == 403, provider.preset == .idcs {
                // A domain shows its keys to strangers only where an administrator has allowed it;
                // to a client of its own, always.
                let token = try await ownToken(of: provider, metadata, environment)
                request.fields.append(("Authorization", "Bearer \(token)"))
                response = try await exchange(request, provider, environment)
            }
            guard response.status == 200 else { throw .status(response.status, "the key set") }
            let keys: JWKSet
            do throws(JWKFault) { keys = try JWKSet(parsing: response.body) } catch {
                throw .refused(error.sentence)
            }
            guard !keys.keys.isEmpty else { throw .refused("no key in its key set can be used") }
            tally.keysRead(provider: provider.name, at: environment.now())
            return keys
        } catch {
            report("provider-keys-failed", provider, error)
            throw error
        }
    }

    private func ownToken(
        of provider: ProviderSettings, _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> String {
        var generator = SystemRandomNumberGenerator()
        let request: OutboundRequest
        do throws(CredentialFault) {
            request = try TokenRequest.clientCredentials(
                scope: "urn:opc:idm:__myscopes__", at: metadata.tokenEndpoint,
                as: provider.credentials(metadata), now: environment.now(), using: &generator)
        } catch { throw .refused(error.sentence) }
        let response = try await exchange(request, provider, environment)
        do throws(TokenFault) {
            return try TokenResponse(response, expecting: .refresh).accessToken.text
        } catch {
            if case .unavailable(let status) = error { throw .status(status, "the token endpoint") }
            throw .refused(
                "its key set needs a token of ours, and there was none: \(error.sentence); "
                    + "allow the client credentials grant, or access to the signing certificate")
        }
    }

    private func get(
        _ request: OutboundRequest, _ provider: ProviderSettings, _ environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> InboundResponse {
        let response = try await exchange(request, provider, environment)
        guard response.status == 200 else { throw .status(response.status, "discovery") }
        return response
    }

    private func exchange(
        _ request: OutboundRequest, _ provider: ProviderSettings, _ environment: FlowEnvironment
    ) async throws(DirectoryFailure) -> InboundResponse {
        do throws(ClientFailure) {
            return try await environment.client.send(
                request, as: provider.identity, deadline: Self.fetchDeadline,
                octetsMax: Self.documentOctetsMax)
        } catch { throw .failed(error) }
    }

    private func report(_ event: String, _ provider: ProviderSettings, _ failure: DirectoryFailure)
    {
        log.event(
            .warning, event, request: nil,
            [
                ("provider", .string(provider.label)), ("issuer", .string(provider.issuer)),
                ("reason", .string(failure.sentence)),
            ])
    }
}

/// Why a provider's documents are not at hand.
enum DirectoryFailure: Error, Sendable {
    case failed(ClientFailure)
    case status(Int, String)
    /// It answered, and what it answered does not count.
    case refused(String)

    var sentence: String {
        switch self {
        case .failed(let failure): failure.sentence
        case .status(let status, let what): "\(what) was answered with \(status)"
        case .refused(let why): why
        }
    }

    /// Whether waiting may help: what was reached and answered wrongly stays wrong.
    var isTransient: Bool {
        switch self {
        case .failed(let failure):
            switch failure {
            case .unreachable, .timedOut, .cut: true
            case .untrusted, .tooLarge, .malformed: false
            }
        case .status(let status, _): status >= 500 || status == 429
        case .refused: false
        }
    }
}

/// What a document was read under: another of these could have refused it.
private struct ProviderKey: Hashable {
    let name: String
    let expected: [String]
    let preset: ProviderPreset
    let clientID: String
    let clientAuthentication: ClientAuthentication
    let ca: [UInt8]?

    init(_ provider: ProviderSettings) {
        name = provider.name
        expected = [provider.issuer] + provider.acceptedIssuers
        preset = provider.preset
        clientID = provider.clientID
        clientAuthentication = provider.clientAuthentication
        ca = provider.ca
    }
}

private final class ProviderEntry: Sendable {
    let metadata = KeptDocument<ProviderMetadata>()
    let keys = KeptDocument<JWKSet>()

    var trouble: String? { metadata.trouble ?? keys.trouble }
}
