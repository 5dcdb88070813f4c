// Whom a client expects: a name, or an address (RFC 9525 section 6.2, RFC 6066 section 3).
import Glibc

enum ServerName: Equatable {
    case host(String)
    case address(String)

    /// Takes the brackets of an IPv6 address and the dot at the end of a full name, and drops them: a
    /// certificate has neither. Nil for what could be neither name nor address, a NUL within included.
    init?(parsing text: String) {
        var name = text[...]
        if name.first == "[", name.last == "]" {
            name = name.dropFirst().dropLast()
            guard Self.isAddress(String(name), AF_INET6) else { return nil }
        }
        if Self.isAddress(String(name), AF_INET6) {
            self = .address(String(name))
            return
        }
        // Of an address in dots, as of a name; behind colons it means nothing.
        if name.last == "." { name = name.dropLast() }
        if Self.isAddress(String(name), AF_INET) {
            self = .address(String(name))
            return
        }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.utf8.count <= 253,
            labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(Self.isNameOctet) })
        else { return nil }
        self = .host(name.lowercased())
    }

    var text: String {
        switch self {
        case .host(let text), .address(let text): text
        }
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isAddress(_ text: String, _ family: Int32) -> Bool {
        guard !text.utf8.contains(0) else { return false }
        var address = in6_addr()  // has room for either
        // SAFETY: inet_pton reads the text up to its NUL, and writes 4 or 16 octets.
        return unsafe inet_pton(family, text, &address) == 1
    }
}
