// What each provider is asked at once. Each has bounds of its own: one that is slow keeps nobody waiting
// who is another's visitor.

internal import Configuration
internal import Synchronization

final class ProviderLoad: Sendable {
    let refreshes = RefreshGate()
    let pushes = PushesUnderWay()
}

final class ProviderLoads: Sendable {
    /// By name; as many as any configuration of this process has had.
    private let loads = Mutex<[String: ProviderLoad]>([:])

    func load(of provider: ProviderSettings) -> ProviderLoad {
        loads.withLock { loads in
            if let load = loads[provider.name] { return load }
            let load = ProviderLoad()
            loads[provider.name] = load
            return load
        }
    }
}
