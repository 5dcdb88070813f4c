// An OCSP answer that is handed to clients with our certificate (RFC 6960, RFC 6066 section 8).
//
// It comes from a file that somebody else keeps fresh. It is stapled only while it says `good` of this
// very certificate and has not run out: no answer at all is better than one that a client must refuse.
import COpenSSL

final class StapledAnswer {
    let octets: [UInt8]
    // SAFETY: copies of ours, freed in `deinit`.
    private let from: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>
    private let until: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?

    /// Judged but for its times, which pass.
    init(_ octets: [UInt8], for certificate: Certificate) throws(AnswerFault) {
        // SAFETY: what is parsed is freed here; the answer within is looked at before.
        let parsed = octets.withUnsafeBufferPointer { octets in
            var start = octets.baseAddress
            return unsafe d2i_OCSP_RESPONSE(nil, &start, octets.count)
        }
        LibraryErrors.clear()
        guard let parsed else { throw .unreadable }
        defer { unsafe OCSP_RESPONSE_free(parsed) }
        guard unsafe OCSP_response_status(parsed) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = unsafe OCSP_response_get1_basic(parsed)
        else {
            LibraryErrors.clear()
            throw .unsuccessful
        }
        defer { unsafe OCSP_BASICRESP_free(basic) }
        let serial = unsafe X509_get0_serialNumber(certificate.pointer)
        for index in 0..<(unsafe OCSP_resp_count(basic)) {
            let single = unsafe OCSP_resp_get0(basic, index)
            var found: UnsafeMutablePointer<ASN1_INTEGER>?
            // The issuer's hashes are left to the client, who has the issuer.
            let id = unsafe OCSP_SINGLERESP_get0_id(single)
            guard unsafe OCSP_id_get0_info(nil, nil, nil, &found, id) == 1,
                unsafe ASN1_INTEGER_cmp(found, serial) == 0
            else { continue }
            var from: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            var until: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            let status = unsafe OCSP_single_get0_status(single, nil, nil, &from, &until)
            guard status == V_OCSP_CERTSTATUS_GOOD else { throw .notGood }
            guard let from = unsafe from, let kept = unsafe ASN1_STRING_dup(from) else {
                throw .unreadable
            }
            self.octets = octets
            unsafe self.from = kept
            unsafe self.until = unsafe until.flatMap { unsafe ASN1_STRING_dup($0) }
            return
        }
        throw .ofAnother
    }
    deinit {
        unsafe ASN1_STRING_free(from)
        unsafe ASN1_STRING_free(until)
    }

    /// By this machine's clock. One without an end is as good as new (RFC 6960 section 2.4).
    var isFresh: Bool {
        guard unsafe X509_cmp_current_time(from) < 0 else { return false }
        guard let until = unsafe until else { return true }
        return unsafe X509_cmp_current_time(until) > 0
    }
}

enum AnswerFault: Error, Equatable {
    case unreadable
    /// `tryLater`, `unauthorized` and the like.
    case unsuccessful
    case ofAnother
    /// Revoked, or unknown to the responder.
    case notGood
}
