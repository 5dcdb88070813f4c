// The command line: what can be asked of the program, and nothing of how it is done.

import ArgumentParser

@main
struct Gatehouse: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatehouse",
        abstract: "An authenticating reverse proxy.",
        version: Version.text,
        subcommands: [
            Run.self, Check.self, DemoCommand.self, Keys.self, Config.self, SessionCommand.self,
        ])
}

enum Version {
    /// Raised with each release, in the commit that dates the changelog.
    static let number = "0.1.0"
    static let text = "gatehouse \(number)"
}

/// `--config FILE`, which most commands take.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .customLong("config"), help: "The configuration file.")
    var file: String
}
