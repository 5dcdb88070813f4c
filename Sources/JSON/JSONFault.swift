// Why a text is no JSON, and where.

package struct JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: String, Sendable, CaseIterable {
        case tooLong = "the text is longer than the limit"
        case tooDeep = "values are nested more deeply than the limit"
        case byteOrderMark = "the text begins with a byte order mark"
        case ended = "the text ends within a value"
        case unexpected = "an octet stands where none of its kind may"
        case trailing = "something follows the value"
        case numberInvalid = "a number is not written as JSON has it"
        case escapeInvalid = "an escape in a string is not one of JSON's"
        case surrogateAlone = "half of a surrogate pair stands alone"
        case controlInString = "a string holds a control character as it is"
        case notUTF8 = "a string is not UTF-8"
        case duplicateMember = "an object has two members of one name"
    }

    package let reason: Reason
    /// Counted in octets from the beginning of the text.
    package let offset: Int

    package var description: String { "\(reason.rawValue) (at octet \(offset))" }
}
