// A field list in HTTP/1.1's spelling, which the readers of the room below then judge as any other.
//
// RFC 9113 §8.2, §8.3. nghttp2 has refused what is malformed by itself (case, order and number of
// pseudo-fields, connection-specific fields, controls in values); here is what depends on the list as a
// whole, and what could make one line into two is looked at once more. Cookie crumbs become one line
// (§8.2.3). An extended CONNECT (RFC 8441) becomes the GET that HTTP/1.1 would have used.

internal import HTTP
internal import Values

struct HeadSpelling: ~Copyable {
    enum Kind {
        case request, answer, trailers
    }

    /// Past this many times the limit the peer is not long-winded but hostile.
    static let hostileFactor = 8
    /// What a field costs beside its octets (RFC 9113 §6.5.2).
    static let octetsAField = 32

    /// The head as far as it has been written, or a trailer section's lines.
    private(set) var octets = OctetWriter(capacity: 0)
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
    private var line = RequestLine()
    /// The crumbs, joined.
    private var cookies = OctetWriter(capacity: 0)
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
        octets = OctetWriter(capacity: 0)
        line = RequestLine()
        cookies = OctetWriter(capacity: 0)
    }

    mutating func begin(_ kind: Kind) {
        self.kind = kind
        isUnderWay = true
        octets.removeAll()
        isMalformed = false
        isHostile = false
        isTunnel = false
        isChunked = false
        line.removeAll()
        cookies.removeAll()
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
            line.method = line.keep(value)
        } else if OctetText.equals(name, ":path") {
            line.path = line.keep(value)
        } else if OctetText.equals(name, ":authority") {
            line.authority = line.keep(value)
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
            guard !line.isAuthority(value) else { return }
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
        isMalformed = !line.isRequest(asTunnel: isTunnel)
        guard !isMalformed else { return }
        fields += line.write(asTunnel: isTunnel, to: &octets)
        guard isTunnel else { return }
        octets.append("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
        octets.append(contentsOf: webSocketKey)
        octets.append("\r\n")
        fields += 3
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

/// What a request's line and its Host are made of: the values of its pseudo-fields.
private struct RequestLine: ~Copyable {
    private var values = OctetWriter(capacity: 0)
    var method = 0..<0
    var path = 0..<0
    var authority = 0..<0

    mutating func removeAll() {
        values.removeAll()
        method = 0..<0
        path = 0..<0
        authority = 0..<0
    }

    /// Where the value stands now.
    mutating func keep(_ value: Span<UInt8>) -> Range<Int> {
        let start = values.count
        values.append(contentsOf: value)
        return start..<values.count
    }

    /// Whether `value` is the authority: then it has nothing to add to it.
    func isAuthority(_ value: Span<UInt8>) -> Bool {
        !authority.isEmpty
            && OctetText.equalsIgnoringASCIICase(value, values.span.extracting(authority))
    }

    private var isConnect: Bool { OctetText.equals(values.span.extracting(method), "CONNECT") }

    /// Whether this is a request's line, or that of a tunnel (RFC 8441 §4). A request has a path, and
    /// not the absolute form, from which HTTP/1.1 would read another host (§8.3.1); CONNECT has none.
    func isRequest(asTunnel isTunnel: Bool) -> Bool {
        let target = values.span.extracting(path)
        let isPath = !target.isEmpty && target[0] == UInt8(ascii: "/")
        if isTunnel { return isConnect && isPath }
        if isConnect { return target.isEmpty && !authority.isEmpty }
        return values.span.extracting(method).isToken && (isPath || OctetText.equals(target, "*"))
    }

    /// Writes the line, and Host where the authority says it; how many fields that were.
    func write(asTunnel isTunnel: Bool, to octets: inout OctetWriter) -> Int {
        if isTunnel {
            octets.append("GET")
        } else {
            octets.append(contentsOf: values.span.extracting(method))
        }
        octets.append(" ")
        octets.append(contentsOf: values.span.extracting(path.isEmpty ? authority : path))
        octets.append(" HTTP/1.1\r\n")
        guard !authority.isEmpty else { return 0 }
        octets.append("Host: ")
        octets.append(contentsOf: values.span.extracting(authority))
        octets.append("\r\n")
        return 1
    }
}
