// A field list in HTTP/1.1's spelling, which the readers of the room below then judge as any other.
//
// RFC 9113 §8.2, §8.3. nghttp2 has refused what is malformed by itself (case, order and number of
// pseudo-fields, connection-specific fields, controls in values); here is what depends on the list as a
// whole, and what could make one line into two is looked at once more. Cookie crumbs become one line
// (§8.2.3). An extended CONNECT (RFC 8441) becomes the GET that HTTP/1.1 would have used.

internal import HTTP
internal import Values

struct HeadSpelling {
    enum Kind {
        case request, answer, trailers
    }

    /// Past this many times the limit the peer is not long-winded but hostile.
    static let hostileFactor = 8
    /// What a field costs beside its octets (RFC 9113 §6.5.2).
    static let octetsAField = 32

    /// The head as far as it has been written, or a trailer section's lines.
    private(set) var octets: [UInt8] = []
    private(set) var kind = Kind.request
    /// It is no request at all: the stream is to be reset.
    private(set) var isMalformed = false
    /// More than anybody could mean.
    private(set) var isHostile = false
    /// Content follows whose length nobody has said.
    private(set) var isChunked = false
    /// An extended CONNECT for a WebSocket.
    private(set) var isTunnel = false

    private let headOctetsMax: Int
    private let fieldsMax: Int
    private let webSocketKey: [UInt8]
    private var method: [UInt8] = []
    private var path: [UInt8] = []
    private var authority: [UInt8] = []
    private var cookies: [UInt8] = []
    private var hasCookies = false
    private var hasHost = false
    private var hasBegunLines = false
    private var hasLength = false
    private var status = 0
    private var fields = 0
    private var listOctets = 0
    private var isTooLong = false
    private var isUnderWay = false

    /// An answer before the final one.
    var isInterim: Bool { kind == .answer && status < 200 }

    init(_ terms: HTTP2Terms) {
        headOctetsMax = terms.headOctetsMax
        fieldsMax = terms.fieldsMax
        webSocketKey = terms.webSocketKey
    }

    /// Lets go of the room that it has grown, unless a list is under way.
    mutating func tidy() {
        guard !isUnderWay else { return }
        octets = []
        method = []
        path = []
        authority = []
        cookies = []
    }

    mutating func begin(_ kind: Kind) {
        self.kind = kind
        isUnderWay = true
        octets.clear()
        isMalformed = false
        isHostile = false
        isTunnel = false
        isChunked = false
        method.clear()
        path.clear()
        authority.clear()
        cookies.clear()
        hasCookies = false
        hasHost = false
        hasBegunLines = false
        hasLength = false
        status = 0
        fields = 0
        listOctets = 0
        isTooLong = false
    }

    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        listOctets += name.count + value.count + Self.octetsAField
        if listOctets > Self.hostileFactor * headOctetsMax { isHostile = true }
        guard !isMalformed, !isHostile else { return }
        guard name.count > 0 else {
            isMalformed = true
            return
        }
        if name[0] == UInt8(ascii: ":") {
            addPseudo(name, value)
        } else {
            addLine(name, value)
        }
    }

    // MARK: Pseudo-fields

    private mutating func addPseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        guard kind != .trailers, !hasBegunLines, !holdsControlOrSpace(value) else {
            isMalformed = true
            return
        }
        guard value.count <= headOctetsMax else {
            isTooLong = true
            return
        }
        if OctetText.equals(name, ":method") {
            method.append(contentsOf: value)
        } else if OctetText.equals(name, ":path") {
            path.append(contentsOf: value)
        } else if OctetText.equals(name, ":authority") {
            authority.append(contentsOf: value)
        } else if OctetText.equals(name, ":scheme") {
            isMalformed =
                !OctetText.equalsIgnoringASCIICase(value, "https")
                && !OctetText.equalsIgnoringASCIICase(value, "http")
        } else if OctetText.equals(name, ":protocol") {
            // The one that SETTINGS_ENABLE_CONNECT_PROTOCOL was announced for.
            isTunnel = OctetText.equals(value, "websocket")
            isMalformed = !isTunnel
        } else if OctetText.equals(name, ":status") {
            status = OctetText.decimal(value).map { Int(clamping: $0) } ?? 0
            isMalformed = value.count != 3 || !(100...599).contains(status)
        } else {
            isMalformed = true
        }
    }

    private func holdsControlOrSpace(_ value: Span<UInt8>) -> Bool {
        for index in value.indices where value[index] <= 0x20 || value[index] == 0x7F {
            return true
        }
        return false
    }

    // MARK: Lines

    private mutating func addLine(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if kind != .trailers, !hasBegunLines { beginLines() }
        if name.count == 6, OctetText.equals(name, "cookie") {
            guard kind == .request else { return appendLine(name, value) }
            // Crumbs are one field against the limit on fields, and all of them octets (§8.2.3).
            if hasCookies { cookies.append("; ") } else { fields += 1 }
            hasCookies = true
            guard fields <= fieldsMax, octets.count + cookies.count + value.count <= headOctetsMax
            else {
                isTooLong = true
                return
            }
            return cookies.append(contentsOf: value)
        }
        if kind == .request, name.count == 4, OctetText.equals(name, "host") {
            // With `:authority` it has nothing to add; what differs is refused as two hosts are.
            let authority = authority
            guard authority.isEmpty || !OctetText.equalsIgnoringASCIICase(value, authority.span)
            else { return }
        }
        if isTunnel, name.count == 17, OctetText.equals(name, "sec-websocket-key") { return }
        if name.count == 14, OctetText.equals(name, "content-length") { hasLength = true }
        appendLine(name, value)
    }

    private mutating func appendLine(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        fields += 1
        let octetsMax = kind == .trailers ? ContentReader.trailerOctetsMax : headOctetsMax
        let linesMax = kind == .trailers ? ContentReader.trailerFieldsMax : fieldsMax
        guard fields <= linesMax, octets.count + name.count + value.count + 4 <= octetsMax else {
            isTooLong = true
            return
        }
        octets.append(contentsOf: name)
        octets.append(": ")
        octets.append(contentsOf: value)
        octets.append("\r\n")
    }

    /// The first line, and Host, once all pseudo-fields are known.
    private mutating func beginLines() {
        hasBegunLines = true
        switch kind {
        case .trailers: break
        case .answer:
            octets.append("HTTP/1.1 ")
            octets.append(decimal: UInt64(status))
            octets.append(" \r\n")
        case .request: beginRequest()
        }
    }

    private mutating func beginRequest() {
        guard isToken(method) else {
            isMalformed = true
            return
        }
        if isTunnel {
            guard method == Array("CONNECT".utf8), path.first == UInt8(ascii: "/") else {
                isMalformed = true
                return
            }
            octets.append("GET ")
            octets.append(contentsOf: path)
            octets.append(" HTTP/1.1\r\nHost: ")
            octets.append(contentsOf: authority)
            octets.append("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
            octets.append(contentsOf: webSocketKey)
            octets.append("\r\n")
            fields += 4
            return
        }
        let isConnect = method == Array("CONNECT".utf8)
        if isConnect {
            guard path.isEmpty, !authority.isEmpty else {
                isMalformed = true
                return
            }
        } else {
            // Not the absolute form, which HTTP/1.1 would read another host from (§8.3.1).
            guard path.first == UInt8(ascii: "/") || path == [UInt8(ascii: "*")] else {
                isMalformed = true
                return
            }
        }
        octets.append(contentsOf: method)
        octets.append(" ")
        octets.append(contentsOf: isConnect ? authority : path)
        octets.append(" HTTP/1.1\r\n")
        guard !authority.isEmpty else { return }
        octets.append("Host: ")
        octets.append(contentsOf: authority)
        octets.append("\r\n")
        fields += 1
    }

    private func isToken(_ octets: [UInt8]) -> Bool {
        // RFC 9110 §5.6.2; controls, spaces and DEL are out already.
        !octets.isEmpty
            && octets.allSatisfy { octet in
                octet < 0x80 && !"\"(),/:;<=>?@[\\]{}".utf8.contains(octet)
            }
    }

    // MARK: The end

    /// The head is complete but for what only the frame says: whether content follows.
    /// - Returns: a fault that can be answered; look at `isMalformed` and `isHostile` first.
    mutating func finish(isLast: Bool, answersHead: Bool = false) -> RequestFault? {
        isUnderWay = false
        if !hasBegunLines { beginLines() }
        guard !isMalformed else { return nil }
        guard kind != .trailers else { return isTooLong ? .fields(.tooLong) : nil }
        if hasCookies {
            octets.append("cookie: ")
            octets.append(contentsOf: cookies)
            octets.append("\r\n")
        }
        if isTooLong || octets.count + 2 > headOctetsMax {
            return fields > fieldsMax ? .fields(.tooMany) : .fields(.tooLong)
        }
        if isTunnel {
            // What would be content is the tunnel's.
            isMalformed = isLast || hasLength
        } else if !hasLength {
            isChunked = !isLast && (kind == .request || status >= 200)
            let isEmptyAnswer =
                kind == .answer && isLast && status >= 200 && status != 204 && status != 304
                && !answersHead
            if isChunked {
                octets.append("Transfer-Encoding: chunked\r\n")
            } else if isEmptyAnswer {
                octets.append("Content-Length: 0\r\n")
            }
        }
        octets.append("\r\n")
        return nil
    }
}
