// Writes content in chunks (RFC 9112 §7.1): the size line before the data, and what ends it all.

package enum ChunkedCoding {
    /// The last chunk without trailers, and the end of the content.
    package static let last: StaticString = "0\r\n\r\n"
    /// The last chunk before trailers, which are field lines and an empty line.
    package static let lastBeforeTrailers: StaticString = "0\r\n"
    /// What stands behind each chunk's data.
    package static let dataEnd: StaticString = "\r\n"
    /// The longest size line: sixteen digits and CRLF.
    package static let sizeLineOctetsMax = 18

    /// The line before `count` octets of data. A `count` of 0 would end the content, so it appends
    /// nothing: there is no empty chunk but the last.
    package static func appendSize(_ count: Int, to octets: inout [UInt8]) {
        guard count > 0 else { return }
        var shift = (UInt64.bitWidth - UInt64(count).leadingZeroBitCount + 3) / 4 * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: UInt64(count) >> UInt64(shift)) & 0xf
            octets.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
        }
        octets.append(.carriageReturn)
        octets.append(.lineFeed)
    }
}
