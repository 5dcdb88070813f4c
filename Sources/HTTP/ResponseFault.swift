// Why an upstream's answer cannot be passed on. Whatever it is, the client gets 502 and the
// connection to the upstream is closed: what follows on it belongs to nobody.

package enum ResponseFault: Error, Equatable, Sendable {
    case statusLineInvalid
    case statusLineTooLong
    case versionUnsupported
    case statusInvalid
    case fields(FieldFault)
    case framing(FramingFault)

    package static let allCases: [ResponseFault] =
        [.statusLineInvalid, .statusLineTooLong, .versionUnsupported, .statusInvalid]
        + FieldFault.allCases.map(ResponseFault.fields)
        + FramingFault.allCases.map(ResponseFault.framing)

    package var status: Int { 502 }

    /// Stable: operators find it in the log.
    package var code: String {
        switch self {
        case .statusLineInvalid: "upstream-status-line-invalid"
        case .statusLineTooLong: "upstream-status-line-too-long"
        case .versionUnsupported: "upstream-version-unsupported"
        case .statusInvalid: "upstream-status-invalid"
        case .fields(let fault): "upstream-" + fault.code
        case .framing(let fault): "upstream-" + fault.code
        }
    }

    package var sentence: String {
        switch self {
        case .statusLineInvalid: "The answer does not begin with a status line of HTTP."
        case .statusLineTooLong: "The status line is longer than the limit allows."
        case .versionUnsupported: "The answer is of another version than HTTP/1.0 and HTTP/1.1."
        case .statusInvalid: "The status is not a number from 100 to 599."
        case .fields(let fault): fault.sentence
        case .framing(let fault): fault.sentence
        }
    }
}
