// Why a path or a query is refused: in each case two readers could read it differently.

package enum PathFault: String, Error, Sendable, CaseIterable {
    case notAbsolute = "path-not-absolute"
    case encodedSlash = "path-encoded-slash"
    case encodedNull = "path-encoded-null"
    case backslash = "path-backslash"
    case encodedDotSegment = "path-encoded-dot-segment"
    case dotSegmentWithParameters = "path-dot-segment-parameters"
    case dotSegmentBesideEncodedSlash = "path-dot-segment-encoded-slash"
    case octetInvalid = "path-octet-invalid"
    case escapeBroken = "path-escape-broken"
    case slashesAmbiguous = "path-slashes-ambiguous"
    case fragment = "target-fragment"
    case queryInvalid = "query-octet-invalid"

    package var status: Int { 400 }

    /// Stable: tests and operators rely on it.
    package var code: String { rawValue }

    package var sentence: String {
        switch self {
        case .notAbsolute: "The path does not begin with a slash."
        case .encodedSlash: "The path holds an encoded slash or backslash."
        case .encodedNull: "The path holds an encoded null."
        case .backslash: "The path holds a backslash."
        case .encodedDotSegment: "The path holds a dot segment in encoded form."
        case .dotSegmentWithParameters: "The path holds a dot segment with parameters."
        case .dotSegmentBesideEncodedSlash: "The path holds dot segments and an encoded slash."
        case .octetInvalid: "The path holds a control, a space or an octet outside ASCII."
        case .escapeBroken: "The path holds a percent sign without two hexadecimal digits."
        case .slashesAmbiguous: "The path's dot segments depend on how repeated slashes are read."
        case .fragment: "The target holds a number sign."
        case .queryInvalid: "The query holds a control or a space."
        }
    }
}
