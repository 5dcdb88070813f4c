// The PROXY protocol's preface: what a balancer says, before anything else, of whom it speaks for.
//
// HAProxy's "The PROXY protocol", versions 1 (a line) and 2 (binary). Pure: the octets at the front of
// a connection go in; whom they name, and how many they are, comes out. Read as strictly as a head is:
// what is not exactly a preface is refused and never guessed at, because the next octets are a
// client's, who would gladly write one of its own.

package import Values

package enum ProxyPreface: Equatable, Sendable {
    /// Call again with the same octets and more behind them.
    case needsMore
    /// Drop `consumed` octets. `nil`: the balancer speaks for itself, or cannot say for whom.
    case source(IPAddress?, consumed: Int)
    case refused(ProxyPrefaceFault)

    /// A longer one is refused: addresses, and a few extensions with a certificate among them.
    package static let octetsMax = 4096
    /// §2.1: the longest line, CRLF included.
    static let lineOctetsMax = 107

    package static func parse(_ octets: Span<UInt8>) -> ProxyPreface {
        guard octets.count > 0 else { return .needsMore }
        return octets[0] == signature[0] ? binary(octets) : line(octets)
    }

    // MARK: Version 1 (§2.1)

    private static func line(_ octets: Span<UInt8>) -> ProxyPreface {
        guard begins(octets, with: "PROXY ") else { return .refused(.signatureMissing) }
        let window = octets.extracting(0..<min(octets.count, lineOctetsMax))
        var end = 0
        while end < window.count, window[end] != .carriageReturn {
            // No octet of a line is a control, and the first that is one ends the search.
            guard (0x20...0x7E).contains(window[end]) else { return .refused(.lineInvalid) }
            end += 1
        }
        guard end + 1 < window.count else {
            return window.count == lineOctetsMax ? .refused(.tooLong) : .needsMore
        }
        guard window[end + 1] == .lineFeed else { return .refused(.lineInvalid) }
        return line(window.extracting(6..<end), consumed: end + 2)
    }

    /// What stands between `PROXY ` and the line's end.
    private static func line(_ text: Span<UInt8>, consumed: Int) -> ProxyPreface {
        var words = Words()
        guard let family = words.next(in: text) else { return .refused(.lineInvalid) }
        // "the receiver must ignore anything presented before the CRLF is found".
        if OctetText.equals(text.extracting(family), "UNKNOWN") {
            return .source(nil, consumed: consumed)
        }
        let isV4 = OctetText.equals(text.extracting(family), "TCP4")
        guard isV4 || OctetText.equals(text.extracting(family), "TCP6"),
            let source = words.next(in: text), let destination = words.next(in: text),
            let sourcePort = words.next(in: text), let destinationPort = words.next(in: text),
            words.isAtEnd(of: text),
            let client = address(text.extracting(source), isV4: isV4),
            address(text.extracting(destination), isV4: isV4) != nil,
            isPort(text.extracting(sourcePort)), isPort(text.extracting(destinationPort))
        else { return .refused(.lineInvalid) }
        return .source(client, consumed: consumed)
    }

    private static func address(_ text: Span<UInt8>, isV4: Bool) -> IPAddress? {
        let hasColon = OctetText.index(of: .colon, in: text) != nil
        return hasColon == isV4 ? nil : IPAddress(parsing: text)
    }

    private static func isPort(_ text: Span<UInt8>) -> Bool {
        guard let number = OctetText.decimal(text), number <= 65_535 else { return false }
        return text.count == 1 || text[0] != UInt8(ascii: "0")
    }

    // MARK: Version 2 (§2.2)

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let headerOctets = 16

    private static func binary(_ octets: Span<UInt8>) -> ProxyPreface {
        for index in 0..<min(octets.count, signature.count) where octets[index] != signature[index]
        {
            return .refused(.signatureMissing)
        }
        guard octets.count > 12 else { return .needsMore }
        let isLocal = octets[12] == 0x20
        guard isLocal || octets[12] == 0x21 else { return .refused(.versionUnknown) }
        guard octets.count >= headerOctets else { return .needsMore }
        let length = Int(octets[14]) << 8 | Int(octets[15])
        let end = headerOctets + length
        guard end <= octetsMax else { return .refused(.tooLong) }
        let addressOctets: Int
        switch octets[13] {
        case 0x00: addressOctets = 0  // AF_UNSPEC
        case 0x11: addressOctets = 12  // TCP over IPv4
        case 0x21: addressOctets = 36  // TCP over IPv6
        case 0x31: addressOctets = 216  // a unix stream
        default:
            // "the receiver must accept the connection as valid" whatever a LOCAL block holds.
            guard isLocal else { return .refused(.familyUnknown) }
            addressOctets = 0
        }
        guard isLocal || length >= addressOctets else { return .refused(.addressesCut) }
        guard octets.count >= end else { return .needsMore }
        guard !isLocal else { return .source(nil, consumed: end) }
        let block = octets.extracting(headerOctets..<end)
        // What stands behind an unspecified family's no addresses is to be ignored.
        guard octets[13] == 0x00 || extensionsAreWhole(block, from: addressOctets) else {
            return .refused(.extensionsCut)
        }
        switch octets[13] {
        case 0x11:
            return .source(.v4(UInt32(truncatingIfNeeded: number(block, 0..<4))), consumed: end)
        case 0x21:
            return .source(.ipv6(number(block, 0..<8), number(block, 8..<16)), consumed: end)
        default: return .source(nil, consumed: end)
        }
    }

    /// Types, lengths and values (§2.2.4): none is used, but they have to end where the block does.
    private static func extensionsAreWhole(_ block: Span<UInt8>, from start: Int) -> Bool {
        var at = start
        while at < block.count {
            guard block.count - at >= 3 else { return false }
            at += 3 + (Int(block[at + 1]) << 8 | Int(block[at + 2]))
        }
        return at == block.count
    }

    private static func number(_ octets: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(octets[index]) }
        return value
    }

    /// As far as there are octets.
    private static func begins(_ octets: Span<UInt8>, with text: StaticString) -> Bool {
        let count = min(octets.count, text.utf8CodeUnitCount)
        // SAFETY: a static string lives as long as the program, and `count` is within it.
        return text.withUTF8Buffer { expected in
            for index in 0..<count {
                let wanted = unsafe expected[index]
                if octets[index] != wanted { return false }
            }
            return true
        }
    }
}

/// Words between single spaces.
private struct Words {
    private var at = 0

    mutating func next(in text: Span<UInt8>) -> Range<Int>? {
        guard at < text.count else { return nil }
        let start = at
        while at < text.count, text[at] != .space { at += 1 }
        let word = start..<at
        if at < text.count { at += 1 }
        // A space at the line's end leaves no word behind it, and is refused as one that is missing.
        if at == text.count, word.upperBound < text.count { return nil }
        return word.isEmpty ? nil : word
    }

    func isAtEnd(of text: Span<UInt8>) -> Bool { at == text.count }
}

/// Why a connection is closed before its first request.
package enum ProxyPrefaceFault: String, Error, Equatable, Sendable, CaseIterable {
    case signatureMissing = "no-preface"
    case tooLong = "too-long"
    case lineInvalid = "line-invalid"
    case versionUnknown = "version-unknown"
    case familyUnknown = "family-unknown"
    case addressesCut = "addresses-cut"
    case extensionsCut = "extensions-cut"

    package var sentence: String {
        switch self {
        case .signatureMissing: "the connection does not begin with a PROXY preface"
        case .tooLong: "the preface is longer than the protocol or gatehouse allows"
        case .lineInvalid: "the line is not PROXY, a family, two addresses and two ports"
        case .versionUnknown: "the version or command is not one of version 2"
        case .familyUnknown: "the address family is none that TCP has"
        case .addressesCut: "the block is too short for its addresses"
        case .extensionsCut: "an extension does not end within the block"
        }
    }
}
