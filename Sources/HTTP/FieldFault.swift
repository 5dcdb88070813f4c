// What can be wrong with field lines, in heads and in trailers, from a client and from an upstream.
//
// Each is refused and none repaired: what one reader mends, another reads as it stands
// (RFC 9112 §11.2). Whose fault it is, and so the status, depends on who sent them.

package enum FieldFault: String, Error, Sendable, CaseIterable {
    case bareLineFeed = "bare-line-feed"
    case bareCarriageReturn = "bare-carriage-return"
    case folded = "field-folded"
    case nameEmpty = "field-name-empty"
    case nameInvalid = "field-name-invalid"
    case spaceBeforeColon = "field-space-before-colon"
    case colonMissing = "field-colon-missing"
    case valueInvalid = "field-value-invalid"
    case tooMany = "fields-too-many"
    case tooLong = "head-too-long"
    case connectionTooLong = "connection-too-long"

    /// Stable: tests and operators rely on it.
    package var code: String { rawValue }

    package var sentence: String {
        switch self {
        case .bareLineFeed: "A line ends in a line feed without a carriage return."
        case .bareCarriageReturn: "A carriage return stands without a line feed after it."
        case .folded: "A line begins with white space: a folded field, which is obsolete."
        case .nameEmpty: "A field has no name."
        case .nameInvalid: "A field name holds an octet that no name may hold."
        case .spaceBeforeColon: "White space stands between a field's name and its colon."
        case .colonMissing: "A field line has no colon."
        case .valueInvalid: "A field value holds a control character."
        case .tooMany: "There are more fields than the limit allows."
        case .tooLong: "The fields are longer than the limit allows."
        case .connectionTooLong: "Connection lists more names than the limit allows."
        }
    }
}
