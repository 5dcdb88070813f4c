// Why a request is refused, and with which status. The connection closes after each of these: where
// the next request would begin is not known, or not agreed.

package enum RequestFault: Error, Equatable, Sendable {
    case requestLineInvalid
    case methodTooLong
    case targetTooLong
    case targetInvalid
    case versionMissing
    case versionInvalid
    case versionUnsupported
    case blankLinesTooMany
    case fields(FieldFault)
    case hostMissing
    case hostRepeated
    case hostInvalid
    case hostMismatch
    case framing(FramingFault)
    case expectationUnknown

    package static let allCases: [RequestFault] =
        [
            .requestLineInvalid, .methodTooLong, .targetTooLong, .targetInvalid, .versionMissing,
            .versionInvalid, .versionUnsupported, .blankLinesTooMany, .hostMissing, .hostRepeated,
            .hostInvalid, .hostMismatch, .expectationUnknown,
        ] + FieldFault.allCases.map(RequestFault.fields)
        + FramingFault.allCases.map(RequestFault.framing)

    package var status: Int {
        switch self {
        case .requestLineInvalid, .targetInvalid, .versionMissing, .versionInvalid,
            .blankLinesTooMany, .hostMissing, .hostRepeated, .hostInvalid, .hostMismatch:
            400
        case .targetTooLong: 414
        case .methodTooLong: 501
        case .versionUnsupported: 505
        case .expectationUnknown: 417
        case .fields(.tooMany), .fields(.tooLong): 431
        case .fields: 400
        case .framing(.codingUnknown): 501
        case .framing: 400
        }
    }

    /// Stable: tests and operators rely on it.
    package var code: String {
        switch self {
        case .requestLineInvalid: "request-line-invalid"
        case .methodTooLong: "method-too-long"
        case .targetTooLong: "target-too-long"
        case .targetInvalid: "target-invalid"
        case .versionMissing: "version-missing"
        case .versionInvalid: "version-invalid"
        case .versionUnsupported: "version-unsupported"
        case .blankLinesTooMany: "blank-lines-too-many"
        case .fields(let fault): fault.code
        case .hostMissing: "host-missing"
        case .hostRepeated: "host-repeated"
        case .hostInvalid: "host-invalid"
        case .hostMismatch: "host-mismatch"
        case .framing(let fault): fault.code
        case .expectationUnknown: "expectation-unknown"
        }
    }

    package var sentence: String {
        switch self {
        case .requestLineInvalid: "The request line is not \"method target version\"."
        case .methodTooLong: "The method is longer than any that is served here."
        case .targetTooLong: "The request line is longer than the limit allows."
        case .targetInvalid: "The request target is not valid for its method."
        case .versionMissing: "The request line has no version: HTTP/0.9 is not served here."
        case .versionInvalid: "The request line does not end in a version of HTTP."
        case .versionUnsupported: "Only HTTP/1.0 and HTTP/1.1 are served in this form."
        case .blankLinesTooMany: "Too many empty lines stand before the request."
        case .fields(let fault): fault.sentence
        case .hostMissing: "The request has no Host."
        case .hostRepeated: "Host is given more than once."
        case .hostInvalid: "Host is not a host name or address with an optional port."
        case .hostMismatch: "Host differs from the authority in the request target."
        case .framing(let fault): fault.sentence
        case .expectationUnknown: "Expect asks for something other than 100-continue."
        }
    }
}
