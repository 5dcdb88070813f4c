// Gathers whole messages from octets as they come, for cold clients and servers.
//
// It adds bounds and memory to the readers, and no rule of its own. Interim answers (1xx) are passed
// over, at most a few.
import Values

package enum MessageFault: Error, Equatable, Sendable {
    case request(RequestFault)
    case response(ResponseFault)
    case content(ContentFault)
    /// The content is longer than was allowed.
    case contentTooLarge
    case interimTooMany
    /// The peer closed before the message was whole.
    case cut

    package var code: String {
        switch self {
        case .request(let fault): fault.code
        case .response(let fault): fault.code
        case .content(let fault): fault.code
        case .contentTooLarge: "content-too-large"
        case .interimTooMany: "interim-answers-too-many"
        case .cut: "connection-cut"
        }
    }
}

/// Gathers one response.
package struct MessageAssembler: Sendable {
    static let interimMax = 16

    private let requestMethod: Method
    private let contentOctetsMax: Int
    private var reader: ResponseReader
    private var head = ResponseHead()
    private var interimCount = 0
    private var pending = PendingOctets()
    private var content: ContentReader?
    private var gathering = HTTPMessage.Response(status: 0)
    /// Whether the connection may be used for another request, once the response is there.
    package private(set) var keepsAlive = false

    package init(
        answering method: Method, contentOctetsMax: Int = 1 << 20,
        limits: HTTPLimits = HTTPLimits()
    ) {
        requestMethod = method
        self.contentOctetsMax = contentOctetsMax
        reader = ResponseReader(limits: limits)
    }

    /// Takes octets received; the response once it is whole. Octets behind it are nobody's: where
    /// there are any, `keepsAlive` is false.
    package mutating func feed(
        _ octets: Span<UInt8>
    ) throws(MessageFault) -> HTTPMessage.Response? {
        pending.append(octets)
        while content == nil {
            let received = pending
            let unread = received.unread
            switch reader.step(unread, into: &head, requestMethod: requestMethod) {
            case .needsMore: return nil
            case .refused(let fault): throw .response(fault)
            case .head:
                if head.isInterim {
                    interimCount += 1
                    guard interimCount <= MessageAssembler.interimMax else {
                        throw .interimTooMany
                    }
                } else {
                    gathering.status = head.status
                    gathering.fields = fieldTexts(head.fields, in: unread)
                    content = ContentReader(head.framing)
                }
                pending.consume(head.octetCount)
            }
        }
        return try gather()
    }

    /// The peer will send no more: the response, if that is how it ends.
    package mutating func ended() throws(MessageFault) -> HTTPMessage.Response {
        guard content?.ended() == true else { throw .cut }
        keepsAlive = false
        return gathering
    }

    private mutating func gather() throws(MessageFault) -> HTTPMessage.Response? {
        // Set before this is called.
        guard var reader = content else { return nil }
        defer { content = reader }
        guard
            try gatherContent(
                &reader, from: &pending, into: &gathering.body, octetsMax: contentOctetsMax)
        else { return nil }
        keepsAlive = head.keepsAlive && pending.isEmpty
        return gathering
    }
}

/// Gathers requests, one after the other, from one connection.
package struct RequestAssembler: Sendable {
    private let contentOctetsMax: Int
    private var reader: RequestReader
    private var head = RequestHead()
    private var pending = PendingOctets()
    private var content: ContentReader?
    private var gathering = HTTPMessage.Request(method: "", target: "")
    /// Whether the client of the last request wants the connection kept.
    package private(set) var keepsAlive = true
    /// The client waits for `100 Continue` before it sends the content now awaited.
    package var expectsContinue: Bool { content != nil && head.expectsContinue }
    /// Whether part of a request has come.
    package var isMidRequest: Bool { content != nil || !pending.isEmpty }

    package init(contentOctetsMax: Int = 1 << 20, limits: HTTPLimits = HTTPLimits()) {
        self.contentOctetsMax = contentOctetsMax
        reader = RequestReader(limits: limits)
    }

    /// Takes octets received, which may hold several requests.
    package mutating func feed(_ octets: Span<UInt8>) { pending.append(octets) }

    /// The next request that is whole, or `nil` until more is fed.
    package mutating func next() throws(MessageFault) -> HTTPMessage.Request? {
        if content == nil {
            let received = pending
            let unread = received.unread
            switch reader.step(unread, into: &head) {
            case .needsMore: return nil
            case .refused(let fault): throw .request(fault)
            case .head:
                gathering = HTTPMessage.Request(
                    method: text(head.methodToken, in: unread),
                    target: text(head.target, in: unread),
                    fields: fieldTexts(head.fields, in: unread))
                keepsAlive = head.keepsAlive
                content = ContentReader(head.framing)
                pending.consume(head.octetCount)
            }
        }
        guard var reader = content else { return nil }
        let isWhole: Bool
        do {
            isWhole = try gatherContent(
                &reader, from: &pending, into: &gathering.body, octetsMax: contentOctetsMax)
        } catch {
            content = reader
            throw error
        }
        content = isWhole ? nil : reader
        return isWhole ? gathering : nil
    }
}

/// Octets received and not yet read. Reading moves an offset; the front is cut off now and then.
private struct PendingOctets: Sendable {
    private var octets: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { start == octets.count }

    var unread: Span<UInt8> {
        @_lifetime(borrow self) get { octets.span.extracting(start..<octets.count) }
    }

    mutating func append(_ more: Span<UInt8>) {
        if start > 0, isEmpty || start >= 65_536 {
            octets.removeSubrange(0..<start)
            start = 0
        }
        octets.append(contentsOf: more)
    }

    mutating func consume(_ count: Int) { start = min(octets.count, start + count) }
}

/// Whether the content is whole; what there is of it is appended to `body`.
private func gatherContent(
    _ reader: inout ContentReader, from pending: inout PendingOctets, into body: inout [UInt8],
    octetsMax: Int
) throws(MessageFault) -> Bool {
    while true {
        switch reader.next(pending.unread) {
        case .needsMore: return false
        case .refused(let fault): throw .content(fault)
        case .content(let range, let consumed):
            guard range.count <= octetsMax - body.count else { throw .contentTooLarge }
            body.append(contentsOf: pending.unread.extracting(range))
            pending.consume(consumed)
        case .end(_, let consumed):
            pending.consume(consumed)
            return true
        }
    }
}

/// Octets that are not UTF-8 are shown with replacement characters; nothing here decides by them.
private func text(_ range: OctetRange, in octets: Span<UInt8>) -> String {
    String(decoding: [UInt8](octets.extracting(range.range)), as: UTF8.self)
}

private func fieldTexts(
    _ fields: [FieldLine], in octets: Span<UInt8>
) -> [(name: String, value: String)] {
    fields.map { (text($0.name, in: octets), text($0.value, in: octets)) }
}
