// A configuration from text, with the files and variables that tests name.

import Testing

@testable import Configuration

let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
let privateKey = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"

func load(
    _ text: String, files: [String: String] = [:], environment: [String: String] = [:],
    modes: [String: UInt32] = [:]
) -> (configuration: Configuration?, problems: [Problem]) {
    var contents = [
        "etc/gatehouse.yaml": text, "etc/secrets/client": "s3cret\n",
        "etc/secrets/session.keys": "1 key\n", "etc/tls/ca.pem": certificate,
        "etc/tls/key.pem": privateKey,
    ]
    contents.merge(files) { _, given in given }
    let all = contents
    return Loaded.load(
        ConfigurationSource(
            file: "etc/gatehouse.yaml",
            read: { path in
                all[path].map { .success(Array($0.utf8)) }
                    ?? .failure(SourceFailure("no such file"))
            },
            environment: { environment[$0] }, fileMode: { modes[$0] }))
}

/// A file without problems and with the warnings of every file in this version left aside.
let quiet: Set<String> = ["session.state_directory"]

func problems(
    _ text: String, files: [String: String] = [:], environment: [String: String] = [:],
    modes: [String: UInt32] = [:]
) -> [String] {
    load(text, files: files, environment: environment, modes: modes).problems
        .filter { !quiet.contains($0.key) }
        .map { String($0.description.dropFirst("etc/gatehouse.yaml:".count)) }
}
