// `gatehouse config`: what can be configured, printed from the declarations themselves.

import ArgumentParser
import Configuration

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what can be configured.", subcommands: [Reference.self, Schema.self])

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every key, type, default and sentence, as Markdown.")

        func run() { print(Configuration.reference(), terminator: "") }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The same as JSON Schema.")

        func run() { print(Configuration.schema(), terminator: "") }
    }
}
