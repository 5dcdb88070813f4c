// The command line: what can be asked of the program, and nothing of how it is done.

import ArgumentParser
import Platform

@main
enum Main {
    static func main() { Gatehouse.main(arguments) }

    /// As the kernel has them. Swift's own look for them beside the environment, and find none once a
    /// preloaded library (an agent, a moved clock) has changed that.
    private static var arguments: [String] {
        do throws(Errno) {
            let octets = try File.read("/proc/self/cmdline", octetsMax: 4 << 20)
            return octets.split(separator: 0, omittingEmptySubsequences: false).dropFirst()
                .dropLast()
                .map { String(decoding: $0, as: UTF8.self) }
        } catch { return Array(CommandLine.arguments.dropFirst()) }
    }
}

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
