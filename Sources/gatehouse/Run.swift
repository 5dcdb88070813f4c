// `gatehouse run`: serves in the foreground until it is told to stop.

import ArgumentParser
import Configuration

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves, in the foreground. SIGTERM drains and ends; SIGHUP reloads.")

    @OptionGroup var config: ConfigurationOption

    func run() throws {
        try Supervisor(.file(config.file)).run()
    }
}
