// The files of a TLS listener, which are read again while it runs: so their paths are kept.

internal import Cryptography
internal import JSON
internal import Values
internal import YAML

extension Kind where Value == NamedFile {
    /// A file, not empty.
    static let file = named { path, key, reading in reading.contents(of: path, key) }

    /// A PEM file (RFC 7468) that holds a block whose label ends in `label`.
    static func pem(_ label: String) -> Kind {
        file.map(name: "path of a PEM file", text: { _ in "a file" }) { file, key, reading in
            reading.checkPEM(file.octets, label, key) ? file : nil
        }
    }

    /// A file that somebody else keeps fresh, and that may not be there yet.
    static let fileOfLater = named { path, key, reading in
        switch reading.source.read(path) {
        case .success(let octets) where !octets.isEmpty: return octets
        case .success:
            reading.warning(
                key, "\(quoted(path)) is empty", fix: "write to it; it is read when it changes")
        case .failure(let failure):
            reading.warning(
                key, "\(quoted(path)) cannot be read: \(failure.text)",
                fix: "put the file there; it is read when it changes")
        }
        return []
    }

    private static func named(
        _ read: @escaping @Sendable (_ path: String, _ key: String, inout Reading) -> [UInt8]?
    ) -> Kind {
        Kind<String>.path.map(name: "path of a file", text: { _ in "a file" }) {
            path, key, reading in
            read(path, key, &reading).map { NamedFile(path: path, octets: $0) }
        }
    }
}

extension Kind where Value == NamedSecret {
    static let privateKeyFile = Kind<NamedFile>.pem("PRIVATE KEY").map(
        text: { (_: NamedSecret) in "a file" }
    ) { file, key, reading in
        if let mode = reading.source.fileMode(file.path), mode & 0o002 != 0 {
            reading.warning(
                key, "\(quoted(file.path)) can be written by every user of this machine",
                fix: "chmod o-w \(file.path)")
        }
        return NamedSecret(path: file.path, value: Secret(file.octets))
    }
}

extension Kind where Value == TicketKeysFile {
    static let ticketKeys = Kind<NamedFile>.file.map(text: { (_: TicketKeysFile) in "a file" }) {
        file, key, reading in
        switch TicketKeysFile.keys(in: file.octets) {
        case .success(let keys): return TicketKeysFile(path: file.path, keys: keys)
        case .failure(let failure):
            reading.problem(
                key, "\(quoted(file.path)) \(failure.text)",
                fix:
                    "write 80 random octets in base64 a line: openssl rand -base64 80 | tr -d '\\n'"
            )
            return nil
        }
    }
}

extension TicketKeysFile {
    static let keyOctets = 80
    /// More were never in use at once: each line is a key that still opens.
    static let keysMax = 16

    /// One key a line; empty lines and those that begin with `#` are passed over.
    static func keys(in octets: [UInt8]) -> Result<[Secret], SourceFailure> {
        var keys: [Secret] = []
        let lines = octets.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let text = line.last == 0x0D ? line.dropLast() : line
            guard !text.isEmpty, text.first != UInt8(ascii: "#") else { continue }
            guard let key = Base64.decode(Array(text).span), key.count == keyOctets else {
                return .failure(SourceFailure("holds no key of 80 octets on line \(index + 1)"))
            }
            keys.append(Secret(key))
        }
        guard !keys.isEmpty else { return .failure(SourceFailure("holds no key")) }
        guard keys.count <= keysMax else {
            return .failure(SourceFailure("holds more than \(keysMax) keys"))
        }
        return .success(keys)
    }
}
