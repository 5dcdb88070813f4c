// `gatehouse demo`: the whole story on loopback, with nothing else installed.

import ArgumentParser
import Configuration
import Demo
import Platform

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "A provider, a site, a GraphQL API and Gatehouse in front of them, on loopback.")

    @Option(help: "Where Gatehouse listens.")
    var port: UInt16 = 8080

    func run() throws {
        // Before the demonstration's own thread starts.
        Signals.block([Signals.terminate, Signals.interrupt, Signals.hangUp])
        let loop = try EventLoop(index: 0)
        let demo = try Demo.start(on: loop, gatewayPort: port)
        let thread = Thread.start("demo") { loop.run() }
        let source = ConfigurationSource(
            file: "demo.yaml", read: { _ in .success(Array(demo.configuration.utf8)) },
            environment: { _ in nil })
        let port = port
        try Supervisor(source) {
            printToStandardError(
                """

                Gatehouse is at  http://localhost:\(port)/
                Sign in as alice or bob; the password is the name. Ctrl-C ends the demonstration.

                """)
        }.run()
        loop.stop()
        thread.join()
    }
}
