// `gatehouse keys`: makes and rotates the file of keys that seal sessions.

import ArgumentParser
import Configuration
import Platform
import Sessions
import Values

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and rotates the keys that seal session cookies.",
        subcommands: [New.self, Rotate.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a new session key file, never over an old one, mode 0600.")

        @Argument var file: String

        func run() throws {
            var generator = SystemRandomNumberGenerator()
            let octets = KeyRing.newFile(at: Clock.wall(), using: &generator)
            do {
                try File.createNew(file, octets, mode: 0o600)
            } catch {
                throw Refusal("\(file): \(error): nothing was written")
            }
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a key that opens at once and seals later; drops keys nobody needs.")

        @Argument var file: String

        @Option(help: "When the new key begins to seal: later than every process has read it.")
        var sealAfter = "60s"

        @Option(help: "How long a key that no longer seals is kept: the longest lifetime in use.")
        var keep = "30d"

        func run() throws {
            guard let sealAfter = parseDuration(sealAfter) else {
                throw Refusal("--seal-after \(sealAfter): write a duration, such as 60s or 5m")
            }
            guard let keep = parseDuration(keep) else {
                throw Refusal("--keep \(keep): write a duration, such as 8h or 30d")
            }
            var generator = SystemRandomNumberGenerator()
            do {
                let rotated = try KeyRing.rotated(
                    try File.read(file, octetsMax: KeyRing.fileOctetsMax), at: Clock.wall(),
                    sealAfter: sealAfter, keep: keep, using: &generator)
                try File.replace(file, rotated, mode: 0o600)
            } catch {
                throw Refusal("\(file): \(error): nothing was changed")
            }
        }
    }
}

/// A command's refusal, as one line on standard error and exit status 1.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
