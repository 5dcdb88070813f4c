// Where a message's content ends: which framing fields count, and when a message is refused.
//
// RFC 9112 §6. Pure over a head's fields; requests and responses share the reading of the two fields
// and differ in what their absence means. Whatever two readers could understand differently is
// refused, because a difference is how a second request is smuggled past the first (§11.2).
import Values

/// How a request's content is delimited.
package enum BodyFraming: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
}

/// How a response's content is delimited.
package enum ResponseFraming: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// By the end of the connection; only then is it known whether it was all.
    case untilClose
}

package enum FramingFault: String, Error, Sendable, CaseIterable {
    case lengthInvalid = "content-length-invalid"
    case lengthRepeated = "content-length-repeated"
    case bothFramings = "both-framings"
    case codingRepeated = "transfer-encoding-repeated"
    case codingInvalid = "transfer-encoding-invalid"
    case codingUnknown = "transfer-encoding-unknown"
    case codingBeforeHTTP11 = "transfer-encoding-before-http-1-1"

    package var code: String { rawValue }

    package var sentence: String {
        switch self {
        case .lengthInvalid: "Content-Length is not a plain decimal number."
        case .lengthRepeated: "Content-Length is given more than once."
        case .bothFramings: "Content-Length and Transfer-Encoding are given together."
        case .codingRepeated: "Transfer-Encoding is given more than once."
        case .codingInvalid: "Transfer-Encoding is not exactly \"chunked\"."
        case .codingUnknown: "Transfer-Encoding names a coding other than \"chunked\"."
        case .codingBeforeHTTP11: "Transfer-Encoding is given by a peer of HTTP/1.0."
        }
    }
}

/// The two framing fields as they are met, in the order of the lines.
struct FramingFields {
    private var length: OctetRange?
    private var coding: OctetRange?
    private var isLengthRepeated = false
    private var isCodingRepeated = false

    mutating func addLength(_ value: OctetRange) {
        isLengthRepeated = length != nil
        length = value
    }

    mutating func addCoding(_ value: OctetRange) {
        isCodingRepeated = isCodingRepeated || coding != nil
        coding = value
    }

    var isCoded: Bool { coding != nil }

    /// `nil` without either field.
    func framing(
        in octets: Span<UInt8>, minorVersion: UInt8
    ) throws(FramingFault) -> BodyFraming? {
        guard let coding else {
            guard let length else { return nil }
            guard !isLengthRepeated else { throw .lengthRepeated }
            return .length(try FramingFields.length(octets.extracting(length.range)))
        }
        // RFC 9112 §6.1: in HTTP/1.0 the field means that the framing is faulty.
        guard minorVersion > 0 else { throw .codingBeforeHTTP11 }
        guard length == nil else { throw .bothFramings }
        guard !isCodingRepeated else { throw .codingRepeated }
        try FramingFields.requireChunked(octets.extracting(coding.range))
        return .chunked
    }

    /// `1*DIGIT` (RFC 9110 §8.6) below 2^64. A leading zero is refused although the grammar has it:
    /// no sender writes one, and a reader that knows octal would read another number.
    static func length(_ value: Span<UInt8>) throws(FramingFault) -> UInt64 {
        guard let length = OctetText.decimal(value) else { throw .lengthInvalid }
        guard value.count == 1 || value[0] != UInt8(ascii: "0") else { throw .lengthInvalid }
        return length
    }

    /// Exactly `chunked`. Well-formed lists that end in it, and single other codings, are what a
    /// reader could implement and we do not (501); all else is malformed (400).
    static func requireChunked(_ value: Span<UInt8>) throws(FramingFault) {
        if value.isName("chunked") { return }
        if value.isToken { throw .codingUnknown }
        var members = ListMembers()
        var last = 0..<0
        var chunkedCount = 0
        while let member = members.next(in: value) {
            guard value.extracting(member).isToken else { throw .codingInvalid }
            if value.extracting(member).isName("chunked") { chunkedCount += 1 }
            last = member
        }
        guard chunkedCount == 1, value.extracting(last).isName("chunked"),
            last.upperBound == value.count
        else { throw .codingInvalid }
        throw .codingUnknown
    }
}
