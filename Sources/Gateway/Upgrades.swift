// What a connection may become: a WebSocket, or a protocol that the route names.
//
// RFC 9110 §7.8. What is asked for in several lines is asked for together, and never judged by the
// first of them alone.

internal import Configuration
internal import HTTP
internal import Values

/// What a request that passes asks its connection to become.
package enum UpgradeAsked: Sendable, Equatable {
    case none
    case webSocket
    /// As the client spelled it.
    case other([UInt8])

    /// What `Upgrade` says to the upstream, and has to say in its 101.
    package var token: [UInt8] {
        switch self {
        case .none: []
        case .webSocket: Self.webSocketToken
        case .other(let token): token
        }
    }

    private static let webSocketToken = Array("websocket".utf8)
}

extension Request {
    /// The first of the protocols asked for that a route names, in any case, with its version or
    /// without; `nil` where there is none, or content stands in the way of what follows a 101.
    func upgrade(among names: [String]) -> [UInt8]? {
        guard !names.isEmpty, head.upgrade != nil, head.framing == .none else { return nil }
        var index = head.nextIndex(of: .upgrade, from: 0)
        while let at = index {
            let value = octets.extracting(head.fields[at].value.range)
            var members = ListMembers()
            while let member = members.next(in: value) {
                let protocolName = value.extracting(member)
                guard Self.isPlain(protocolName) else { continue }
                let slash =
                    OctetText.index(of: UInt8(ascii: "/"), in: protocolName) ?? protocolName.count
                for name in names {
                    let wanted = Array(name.utf8)
                    if OctetText.equalsIgnoringASCIICase(protocolName, wanted.span)
                        || OctetText.equalsIgnoringASCIICase(
                            protocolName.extracting(0..<slash), wanted.span)
                    {
                        return [UInt8](protocolName)
                    }
                }
            }
            index = head.nextIndex(of: .upgrade, from: at + 1)
        }
        return nil
    }

    /// `protocol-name ["/" protocol-version]`, both tokens.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        var slashes = 0
        for index in text.indices where text[index] == UInt8(ascii: "/") { slashes += 1 }
        guard slashes <= 1, text.count > 0 else { return false }
        for index in text.indices {
            let octet = text[index]
            guard octet > 0x20, octet < 0x7F, octet != UInt8(ascii: "\"") else { return false }
        }
        return true
    }
}
