// Secrets, and files that a key names. They are read once, here; what is kept is their octets.

internal import Cryptography
internal import JSON
internal import YAML

extension Kind where Value == String {
    /// A path; a relative one is relative to the configuration's folder. Nothing is read.
    static let path = Kind.text.map(name: "path", text: { $0 }) { path, _, reading in
        reading.source.resolve(path)
    }

    /// `unix:PATH`, as an absolute or resolved path.
    static let socketPath = Kind.text("unix:PATH", fix: "write unix: and a path") {
        $0.hasPrefix("unix:") && $0.count > "unix:".count
    }.map(text: { "unix:\($0)" }) { text, _, reading in
        reading.source.resolve(String(text.dropFirst("unix:".count)))
    }
}

extension Kind where Value == [UInt8] {
    /// The octets of a file, not empty.
    static let file = Kind<String>.path.map(name: "path of a file", text: { _ in "a file" }) {
        path, key, reading in reading.contents(of: path, key)
    }

    /// A PEM file (RFC 7468) that holds a block whose label ends in `label`.
    static func pem(_ label: String) -> Kind {
        file.map(name: "path of a PEM file", text: { _ in "a file" }) { octets, key, reading in
            guard reading.checkPEM(octets, label, key) else { return nil }
            return octets
        }
    }

    /// PEM out of a secret: a private key.
    static func pemSecret(_ label: String) -> Kind {
        Kind<ReadSecret>.secret.map(text: { _ in "a secret" }) { secret, key, reading in
            let octets = secret.value.exposed
            guard reading.checkPEM(octets, label, key) else { return nil }
            return octets
        }
    }
}

/// A secret, and where it can be read again.
struct ReadSecret: Sendable {
    let value: Secret
    /// The absolute path of its file.
    var path: String?
}

extension Kind where Value == Secret {
    static let secret = Kind<ReadSecret>.secret.map(text: { _ in "a secret" }) { secret, _, _ in
        secret.value
    }
}

extension Kind where Value == ReadSecret {
    /// `{ file: PATH }`, `{ env: NAME }`, or the secret itself, which earns a warning.
    static let secret = Kind(
        name: "secret",
        schema: [
            "anyOf": [
                secretMapping("file"), secretMapping("env"),
                ["type": ["string", "number"], "minLength": 1],
            ]
        ],
        text: { _ in "a secret" }
    ) { node, key, reading in
        switch node {
        case .scalar(let literal, _, _):
            reading.warning(
                key, "the secret itself is written in this file",
                fix: "move it to a file of its own and write { file: PATH }, or { env: NAME }")
            guard !literal.isEmpty else { return reading.emptySecret(key, "the value") }
            return ReadSecret(value: Secret(Array(literal.utf8)))
        case .mapping(let entries, _):
            guard entries.count == 1, let entry = entries.first,
                case .scalar(let name, _, _) = entry.value, !name.isEmpty
            else { return reading.notASecret(key, "must name one file or one variable") }
            switch entry.key {
            case "file": return reading.secretFile(reading.source.resolve(name), key.below("file"))
            case "env": return reading.secretVariable(name, key.below("env"))
            default:
                let near = nearest(to: entry.key, among: ["file", "env"])
                reading.keyProblem(
                    key.below(entry.key), "is not a known key",
                    fix: near.map { "did you mean `\($0)`?" }
                        ?? "write { file: PATH } or { env: NAME }")
                return nil
            }
        case .sequence: return reading.notASecret(key, "must be a secret, not a list")
        }
    }

    private static func secretMapping(_ name: String) -> JSON {
        var properties = JSONObject()
        properties[name] = ["type": "string", "minLength": 1]
        return [
            "type": "object", "properties": .object(properties),
            "required": [.string(name)], "additionalProperties": false,
        ]
    }
}

extension Reading {
    mutating func contents(of path: String, _ key: String) -> [UInt8]? {
        switch source.read(path) {
        case .failure(let failure):
            problem(
                key, "\(quoted(path)) cannot be read: \(failure.text)",
                fix: "put the file there, readable by gatehouse's user, or correct the path")
            return nil
        case .success(let octets):
            guard !octets.isEmpty else {
                problem(key, "\(quoted(path)) is empty", fix: "write its contents to the file")
                return nil
            }
            return octets
        }
    }

    fileprivate mutating func secretFile(_ path: String, _ key: String) -> ReadSecret? {
        guard var octets = contents(of: path, key) else { return nil }
        // An editor's newline is not part of the secret.
        if octets.last == 0x0A {
            octets.removeLast()
            if octets.last == 0x0D { octets.removeLast() }
        }
        guard !octets.isEmpty else { return emptySecret(key, quoted(path)) }
        // A file that others may write is a secret that others may choose. (That others may read it
        // is how some orchestrators mount secrets, so that is not judged.)
        if let mode = source.fileMode(path), mode & 0o002 != 0 {
            warning(
                key, "\(quoted(path)) can be written by every user of this machine",
                fix: "chmod o-w \(path)")
        }
        return ReadSecret(value: Secret(octets), path: path)
    }

    fileprivate mutating func secretVariable(_ name: String, _ key: String) -> ReadSecret? {
        guard let text = source.environment(name) else {
            problem(
                key, "the environment variable \(name) is not set",
                fix: "set \(name) in gatehouse's environment, or use { file: PATH }")
            return nil
        }
        guard !text.isEmpty else { return emptySecret(key, "the environment variable \(name)") }
        return ReadSecret(value: Secret(Array(text.utf8)))
    }

    fileprivate mutating func emptySecret(_ key: String, _ what: String) -> ReadSecret? {
        problem(key, "\(what) is empty", fix: "write the secret there")
        return nil
    }

    fileprivate mutating func notASecret(_ key: String, _ what: String) -> ReadSecret? {
        problem(key, what, fix: "write { file: PATH } or { env: NAME }")
        return nil
    }

    mutating func checkPEM(_ octets: [UInt8], _ label: String, _ key: String) -> Bool {
        let text = String(decoding: octets, as: UTF8.self)
        let hasBlock = text.split(whereSeparator: \.isNewline).contains {
            $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("\(label)-----")
        }
        if !hasBlock {
            problem(
                key, "holds no PEM block `-----BEGIN \(label)-----`",
                fix: "convert it to PEM, and check that the path names the right file")
        }
        return hasBlock
    }
}
