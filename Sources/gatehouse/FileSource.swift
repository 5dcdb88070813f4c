// The file system and the environment, as a configuration's source: the one place where the program
// reads what a configuration names.

import Configuration
import Platform
import Sessions
import TLS
import Values

extension ConfigurationSource {
    /// Larger than any configuration, certificate chain or key file; smaller than a mistake.
    private static let octetsMax = 4 << 20

    static func file(_ path: String) -> ConfigurationSource {
        ConfigurationSource(
            file: path,
            read: { path in
                do throws(Errno) {
                    return .success(try File.read(path, octetsMax: octetsMax))
                } catch {
                    return .failure(SourceFailure(error.description))
                }
            },
            environment: { Process.environment($0) },
            fileMode: { path in try? File.mode(path) },  // not known is not judged
            faultInKeys: { octets in
                do throws(KeyRingProblem) {
                    _ = try KeyRing(parsing: octets)
                    return nil
                } catch { return error.description }
            },
            reportOnCertificate: { chain, key, ocsp in
                let (names, findings) = CertificateReading.examine(
                    chain: chain, key: key, ocsp: ocsp)
                return CertificateReport(names: names, findings: findings.map(\.reported))
            },
            faultInAuthorities: { octets in
                CertificateReading.areAuthorities(octets)
                    ? nil : "holds no certificate, or one that cannot be read"
            })
    }
}

extension CertificateReading.Finding {
    /// Where it belongs, and what to do about it.
    fileprivate var reported: CertificateReport.Finding {
        switch self {
        case .chainUnreadable:
            .problem(
                .chain, "holds no certificate, or one that cannot be read",
                "write the certificate and its intermediates to it in PEM form")
        case .keyUnreadable:
            .problem(
                .key, "holds no private key that can be read",
                "write the key to it in PEM form, without a password")
        case .mismatch:
            .problem(
                .key, "is not the key of the certificate",
                "name the key that the certificate was issued for")
        case .refused(let words):
            .problem(
                .chain, "cannot be used: \(words)",
                "have one issued with an ECDSA P-256 or RSA key of 2048 bits or more, signed with "
                    + "SHA-256")
        case .notYetGood(let from):
            .warning(.chain, "is good from \(from) only", "check this machine's clock, or wait")
        case .expired(let since):
            .warning(.chain, "ended on \(since)", "renew it; the new file is read by itself")
        case .chainBroken:
            .warning(
                .chain, "its second certificate did not issue its first",
                "order it: the site's certificate, then each one's issuer")
        case .answerUnreadable:
            .warning(.ocsp, "is no OCSP answer in DER form", "fetch it anew; nothing is stapled")
        case .answerUnsuccessful:
            .warning(
                .ocsp, "holds an error of the responder's", "fetch it anew; nothing is stapled")
        case .answerOfAnother:
            .warning(
                .ocsp, "is about another certificate", "fetch it anew; nothing is stapled")
        case .answerNotGood:
            .warning(
                .ocsp, "does not say that the certificate is good",
                "replace the certificate; nothing is stapled")
        case .answerStale:
            .warning(.ocsp, "has run out", "fetch it anew; nothing is stapled until then")
        }
    }
}

extension CertificateReport.Finding {
    fileprivate static func problem(
        _ part: CertificateReport.Part, _ what: String, _ fix: String
    ) -> Self { Self(part, what, fix: fix, isWarning: false) }
    fileprivate static func warning(
        _ part: CertificateReport.Part, _ what: String, _ fix: String
    ) -> Self { Self(part, what, fix: fix, isWarning: true) }
}
