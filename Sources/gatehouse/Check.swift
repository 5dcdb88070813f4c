// `gatehouse check`: every problem of a file in one run, and what to register with the provider.

import ArgumentParser
import Configuration
import Platform
import Sessions
import Values

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Names every problem in a configuration, and each redirect URI to register.")

    @OptionGroup var config: ConfigurationOption

    @Flag(
        help:
            "Also ask the provider, the store and the upstreams: discovery, keys, clock, redirect URIs, scopes, client authentication, TLS, reachability."
    )
    var online = false

    func run() throws {
        let (configuration, problems) = Loaded.load(.file(config.file))
        for problem in problems { print(problem) }
        guard let configuration else { throw ExitCode(1) }
        for uri in configuration.redirectURIs { print("redirect URI to register: \(uri)") }
        if configuration.session.logout.provider {
            print(
                "post-logout redirect URI to register: \(configuration.externalURL)/.auth/signed-out"
            )
        }
        try checkStateDirectory(configuration)
        guard online else { return }
        guard try OnlineCheck(configuration).run() else { throw ExitCode(1) }
    }
}

extension Check {
    /// Whoever checks need not be who runs it: only what is no directory at all is wrong for both.
    private func checkStateDirectory(_ configuration: Configuration) throws {
        guard let directory = configuration.session.stateDirectory else { return }
        do throws(Errno) { try File.mayWrite(inDirectory: directory) } catch {
            let isWrong = error.code == Errno.enotdir
            print(
                "\(config.file): session.state_directory: \(isWrong ? "" : "warning: ")\(directory): "
                    + "\(error)\n    fix: give a directory that the user who runs gatehouse may write in"
            )
            if isWrong { throw ExitCode(1) }
        }
    }
}

extension KeyRing {
    /// The ring a configuration names; a new one, for this process, where it names none.
    static func load(_ source: KeysSource) throws(KeyRingProblem) -> KeyRing {
        switch source {
        case .file(_, let octets), .fixed(let octets): return try KeyRing(parsing: octets)
        case .ephemeral:
            var generator = SystemRandomNumberGenerator()
            return .ephemeral(using: &generator)
        }
    }
}
