// Where the configuration's text, and the files and variables it names, come from.
//
// The room itself opens nothing: the program passes the file system and the environment in, and a
// test passes two dictionaries.

package struct ConfigurationSource: Sendable {
    /// The configuration's path, as it was given. Relative paths in it are relative to its folder.
    package let file: String
    package let read: @Sendable (_ path: String) -> Result<[UInt8], SourceFailure>
    package let environment: @Sendable (_ name: String) -> String?
    /// The permission bits of a file; `nil` where they are not known, and then not judged.
    package let fileMode: @Sendable (_ path: String) -> UInt32?
    /// What is wrong with the contents of session.keys; `nil` where nothing is. What a key file holds
    /// is another room's knowledge.
    package let faultInKeys: @Sendable (_ octets: [UInt8]) -> String?
    /// What a PEM chain, its key and its OCSP answer (empty: none) say together; `nil` where that is
    /// not judged.
    package let reportOnCertificate:
        @Sendable (_ chain: [UInt8], _ key: [UInt8], _ ocsp: [UInt8]) -> CertificateReport?
    /// What is wrong with PEM certificates that are to be trusted; `nil` where nothing is.
    package let faultInAuthorities: @Sendable (_ octets: [UInt8]) -> String?

    package init(
        file: String,
        read: @escaping @Sendable (_ path: String) -> Result<[UInt8], SourceFailure>,
        environment: @escaping @Sendable (_ name: String) -> String?,
        fileMode: @escaping @Sendable (_ path: String) -> UInt32? = { _ in nil },
        faultInKeys: @escaping @Sendable (_ octets: [UInt8]) -> String? = { _ in nil },
        reportOnCertificate:
            @escaping @Sendable (_ chain: [UInt8], _ key: [UInt8], _ ocsp: [UInt8]) ->
            CertificateReport? = { _, _, _ in nil },
        faultInAuthorities: @escaping @Sendable (_ octets: [UInt8]) -> String? = { _ in nil }
    ) {
        self.file = file
        self.read = read
        self.environment = environment
        self.fileMode = fileMode
        self.faultInKeys = faultInKeys
        self.reportOnCertificate = reportOnCertificate
        self.faultInAuthorities = faultInAuthorities
    }

    /// The path that `path`, written in the configuration, means.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}

/// Why a file could not be read, in words: `no such file`.
package struct SourceFailure: Error, Equatable {
    package let text: String
    package init(_ text: String) { self.text = text }
}
