// The files of the TLS listeners, read again without a reload: whoever renews certificates only has to
// write them.

internal import Cryptography

extension ListenerSettings {
    /// Every file that its TLS names.
    package var tlsFiles: [String] {
        guard let tls else { return [] }
        let pairs = tls.certificates.flatMap { [$0.chain?.path, $0.key?.path, $0.ocsp?.path] }
        return (pairs + [tls.clientCA?.path, tls.ticketKeys?.path]).compactMap(\.self)
    }

    /// Whether its files said the same when both were read.
    package func hasSameTLSFiles(as other: ListenerSettings) -> Bool {
        guard let tls, let other = other.tls else { return true }
        return tls.clientCA?.octets == other.clientCA?.octets
            && tls.certificates.map(\.chain?.octets) == other.certificates.map(\.chain?.octets)
            && tls.certificates.map(\.ocsp?.octets) == other.certificates.map(\.ocsp?.octets)
            && tls.certificates.compactMap(\.key?.value.exposed)
                == other.certificates.compactMap(\.key?.value.exposed)
            && tls.ticketKeys?.keys.map(\.exposed) == other.ticketKeys?.keys.map(\.exposed)
    }

    /// The same with what its files say now. Throws where one cannot be read; whether they go together
    /// is found out by whoever uses them.
    package func readingFilesAgain(
        _ source: ConfigurationSource
    ) throws(SourceFailure) -> ListenerSettings {
        guard var tls else { return self }
        for index in tls.certificates.indices {
            let files = tls.certificates[index]
            if let chain = files.chain { tls.certificates[index].chain = try chain.again(source) }
            if let key = files.key {
                tls.certificates[index].key = NamedSecret(
                    path: key.path, value: Secret(try source.contents(of: key.path)))
            }
            if let ocsp = files.ocsp {
                // It may not be there: then nothing is stapled.
                tls.certificates[index].ocsp =
                    (try? ocsp.again(source)) ?? NamedFile(path: ocsp.path, octets: [])
            }
        }
        if let authorities = tls.clientCA { tls.clientCA = try authorities.again(source) }
        if let tickets = tls.ticketKeys {
            let octets = try source.contents(of: tickets.path)
            switch TicketKeysFile.keys(in: octets) {
            case .success(let keys):
                tls.ticketKeys = TicketKeysFile(path: tickets.path, keys: keys)
            case .failure(let failure): throw SourceFailure("\(tickets.path) \(failure.text)")
            }
        }
        return ListenerSettings(
            address: address, tls: tls, proxyProtocol: proxyProtocol, tlsTerminated: tlsTerminated,
            h2c: h2c, healthPath: healthPath, redirectToHTTPS: redirectToHTTPS)
    }
}

extension NamedFile {
    fileprivate func again(_ source: ConfigurationSource) throws(SourceFailure) -> NamedFile {
        NamedFile(path: path, octets: try source.contents(of: path))
    }
}

extension ConfigurationSource {
    fileprivate func contents(of path: String) throws(SourceFailure) -> [UInt8] {
        switch read(path) {
        case .success(let octets) where !octets.isEmpty: return octets
        case .success: throw SourceFailure("\(path) is empty")
        case .failure(let failure):
            throw SourceFailure("\(path) cannot be read: \(failure.text)")
        }
    }
}
