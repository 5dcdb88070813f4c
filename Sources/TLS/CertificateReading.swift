// What can be said of certificates before anything is done with them: for whoever checks a configuration.
import COpenSSL

package enum CertificateReading {
    package enum Finding: Equatable, Sendable {
        case chainUnreadable
        case keyUnreadable
        case mismatch
        /// In OpenSSL's words.
        case refused(String)
        case notYetGood(from: String)
        case expired(since: String)
        /// The certificate behind the first did not issue it.
        case chainBroken
        case answerUnreadable
        case answerUnsuccessful
        case answerOfAnother
        case answerNotGood
        case answerStale
    }

    /// What is wrong with a pair, and with the OCSP answer (empty: none) for it; and the names that the
    /// certificate is for.
    package static func examine(
        chain: [UInt8], key: [UInt8], ocsp: [UInt8]
    ) -> (names: [String], findings: [Finding]) {
        let presented: Presented
        do throws(PairFault) {
            presented = try Presented(chain: chain, key: key)
            try presented.installForTrial()
        } catch {
            let finding: Finding =
                switch error {
                case .chainUnreadable: .chainUnreadable
                case .keyUnreadable: .keyUnreadable
                case .mismatch: .mismatch
                case .refused(let words): .refused(words)
                }
            return ([], [finding])
        }
        var findings: [Finding] = []
        switch presented.leaf.validity {
        case .now: break
        case .notYet: findings.append(.notYetGood(from: presented.leaf.goodFrom))
        case .over: findings.append(.expired(since: presented.leaf.goodUntil))
        }
        if let issuer = presented.chain.first,
            unsafe X509_check_issued(issuer.pointer, presented.leaf.pointer) != X509_V_OK
        {
            findings.append(.chainBroken)
        }
        if !ocsp.isEmpty, let finding = examine(ocsp, for: presented.leaf) {
            findings.append(finding)
        }
        return (presented.leaf.names, findings)
    }

    private static func examine(_ ocsp: [UInt8], for certificate: Certificate) -> Finding? {
        do throws(AnswerFault) {
            return try StapledAnswer(ocsp, for: certificate).isFresh ? nil : .answerStale
        } catch {
            return switch error {
            case .unreadable: .answerUnreadable
            case .unsuccessful: .answerUnsuccessful
            case .ofAnother: .answerOfAnother
            case .notGood: .answerNotGood
            }
        }
    }

    /// Whether the text holds certificates in PEM form, all of them readable.
    package static func areAuthorities(_ text: [UInt8]) -> Bool {
        PEM.certificates(in: text) != nil
    }
}

extension Presented {
    /// Finds out whether a context takes it.
    fileprivate func installForTrial() throws(PairFault) {
        let context = require(unsafe SSL_CTX_new(TLS_server_method()), "SSL_CTX_new")
        defer { unsafe SSL_CTX_free(context) }
        ContextSettings.setProtocol(context, minimumVersion: .tls12)
        try unsafe install(in: context)
    }
}
