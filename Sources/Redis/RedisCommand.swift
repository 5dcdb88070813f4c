// One command, as the list of octet strings that it is to the server.

internal import CHiredis

package struct RedisCommand: Equatable, Sendable {
    package let arguments: [[UInt8]]

    package init(_ arguments: [[UInt8]]) {
        precondition(!arguments.isEmpty, "a command has a name")
        self.arguments = arguments
    }

    /// The name, which may be of several words, then what it is given.
    package init(_ name: String, _ arguments: [UInt8]...) {
        self.init(name.split(separator: " ").map { Array($0.utf8) } + arguments)
    }

    package init(_ name: String, texts: [String]) {
        self.init([Array(name.utf8)] + texts.map { Array($0.utf8) })
    }

    /// What is sent.
    package func append(to out: inout [UInt8]) {
        let octets = arguments.flatMap { $0 }
        let counts = arguments.map(\.count)
        var command: UnsafeMutablePointer<CChar>?
        let written = octets.withUnsafeBytes { octets in
            // SAFETY: the pointers lie in `octets`, of the lengths in `counts`, and are read during
            // the call. A pointer to no octets may be any; hiredis does not follow it.
            var place = octets.baseAddress?.assumingMemoryBound(to: CChar.self)
            var pointers = counts.map { count in
                defer { place = place.map { $0 + count } }
                return place
            }
            return redisFormatCommandArgv(&command, Int32(counts.count), &pointers, counts)
        }
        // SAFETY: hiredis made `command`, `written` octets long; it is ours to free.
        guard written > 0, let command else { preconditionFailure("no memory for a command") }
        defer { redisFreeCommand(command) }
        out.append(contentsOf: UnsafeRawBufferPointer(start: command, count: Int(written)))
    }
}

extension [UInt8] {
    /// An argument that is a number.
    package init(decimal number: some BinaryInteger) { self = Array(String(number).utf8) }
}
