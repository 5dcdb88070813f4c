// The ways a message can arrive: whole, cut at every octet, octet by octet, and with the next one
// behind it. Each parser of the room must give the same outcome for all of them.
import HTTP
import Testing

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ octets: [UInt8], _ range: Range<Int>) -> String {
    String(decoding: octets[range], as: UTF8.self)
}

/// What a reader made of a request: the same whichever way it came.
struct RequestReading: Equatable, CustomStringConvertible {
    var fault: RequestFault?
    var needsMore = false
    var requestLine = ""
    var fields: [String] = []
    var framing = BodyFraming.none
    var octetCount = 0

    var description: String {
        if let fault { return "refused: \(fault.code)" }
        if needsMore { return "needs more" }
        return "\(requestLine) \(fields) \(framing) \(octetCount)"
    }

    init(_ step: RequestReader.Step, _ head: RequestHead, _ octets: [UInt8]) {
        switch step {
        case .needsMore: needsMore = true
        case .refused(let fault): self.fault = fault
        case .head:
            requestLine =
                "\(text(octets, head.methodToken.range)) \(text(octets, head.target.range))"
                + " HTTP/1.\(head.minorVersion)"
            fields = head.fields.map {
                "\(text(octets, $0.name.range)):\(text(octets, $0.value.range))"
            }
            framing = head.framing
            octetCount = head.octetCount
        }
    }
}

/// Feeds `received` up to each of `ends` in turn, and stops at the first outcome.
func readRequest(
    _ received: [UInt8], limits: HTTPLimits = HTTPLimits(), ends: [Int]? = nil
) -> RequestReading {
    var reader = RequestReader(limits: limits)
    // A head shared with other connections holds anything between two calls.
    var head = RequestHead()
    var step = RequestReader.Step.needsMore
    for end in ends ?? [received.count] where step == .needsMore {
        head.fields = [
            FieldLine(name: .empty, value: .empty, line: .empty, known: .host)
        ]
        step = reader.step(received.span.extracting(0..<end), into: &head)
    }
    return RequestReading(step, head, received)
}

/// The reading of `message`, after checking that every way of arriving gives it.
func readRequestEveryWay(
    _ message: [UInt8], limits: HTTPLimits = HTTPLimits()
) -> RequestReading {
    let whole = readRequest(message, limits: limits)
    for cut in 0...message.count {
        let reading = readRequest(message, limits: limits, ends: [cut, message.count])
        if reading != whole {
            Issue.record("cut at \(cut): \(reading), whole: \(whole)")
            return whole
        }
    }
    let trickled = readRequest(message, limits: limits, ends: Array(0...message.count))
    if trickled != whole { Issue.record("octet by octet: \(trickled), whole: \(whole)") }
    let followed = readRequest(message + octets("GET /next HTTP/1.1\r\n"), limits: limits)
    if !whole.needsMore, followed != whole {
        Issue.record("with another behind it: \(followed), whole: \(whole)")
    }
    return whole
}

struct ResponseReading: Equatable, CustomStringConvertible {
    var fault: ResponseFault?
    var needsMore = false
    var status = 0
    var reason = ""
    var fields: [String] = []
    var framing = ResponseFraming.none
    var keepsAlive = false
    var octetCount = 0

    var description: String {
        if let fault { return "refused: \(fault.code)" }
        if needsMore { return "needs more" }
        return "\(status) \(reason) \(fields) \(framing) \(keepsAlive) \(octetCount)"
    }
}

func readResponse(
    _ received: [UInt8], to method: HTTP.Method = .get, limits: HTTPLimits = HTTPLimits(),
    ends: [Int]? = nil
) -> ResponseReading {
    var reader = ResponseReader(limits: limits)
    var head = ResponseHead()
    var step = ResponseReader.Step.needsMore
    for end in ends ?? [received.count] where step == .needsMore {
        step = reader.step(
            received.span.extracting(0..<end), into: &head, requestMethod: method)
    }
    var reading = ResponseReading()
    switch step {
    case .needsMore: reading.needsMore = true
    case .refused(let fault): reading.fault = fault
    case .head:
        reading.status = head.status
        reading.reason = text(received, head.reason.range)
        reading.fields = head.fields.map {
            "\(text(received, $0.name.range)):\(text(received, $0.value.range))"
        }
        reading.framing = head.framing
        reading.keepsAlive = head.keepsAlive
        reading.octetCount = head.octetCount
    }
    return reading
}

func readResponseEveryWay(
    _ message: [UInt8], to method: HTTP.Method = .get, limits: HTTPLimits = HTTPLimits()
) -> ResponseReading {
    let whole = readResponse(message, to: method, limits: limits)
    for cut in 0...message.count {
        let reading = readResponse(
            message, to: method, limits: limits, ends: [cut, message.count])
        if reading != whole {
            Issue.record("cut at \(cut): \(reading), whole: \(whole)")
            return whole
        }
    }
    let trickled = readResponse(
        message, to: method, limits: limits, ends: Array(0...message.count))
    if trickled != whole { Issue.record("octet by octet: \(trickled), whole: \(whole)") }
    return whole
}

/// What content was read, to which end.
struct ContentReading: Equatable, CustomStringConvertible {
    enum End: Equatable {
        case open, whole
        case refused(ContentFault)
    }
    var content: [UInt8] = []
    var trailers = ""
    var consumed = 0
    var end = End.open

    var description: String { "\(content.count) octets, trailers \(trailers), \(consumed), \(end)" }
}

/// Feeds the octets in pieces that end at `ends`, as a connection does: what is consumed is dropped.
func readContent(
    _ reader: ContentReader, _ received: [UInt8], ends: [Int]? = nil
) -> ContentReading {
    var reader = reader
    var reading = ContentReading()
    for end in ends ?? [received.count] {
        var isOpen = true
        while isOpen, reading.end == .open {
            let unread = received[reading.consumed..<max(end, reading.consumed)]
            let octets = Array(unread)
            switch reader.next(octets.span) {
            case .needsMore: isOpen = false
            case .content(let range, let consumed):
                if range.isEmpty { Issue.record("an empty piece of content") }
                reading.content += octets[range]
                reading.consumed += consumed
            case .end(let trailers, let consumed):
                if let trailers { reading.trailers = text(octets, trailers) }
                reading.consumed += consumed
                reading.end = .whole
            case .refused(let fault): reading.end = .refused(fault)
            }
        }
    }
    // Before the end, how much is consumed depends on the pieces; after a refusal nobody reads on.
    if reading.end != .whole { reading.consumed = 0 }
    return reading
}

func readContentEveryWay(_ reader: ContentReader, _ message: [UInt8]) -> ContentReading {
    let whole = readContent(reader, message)
    for cut in 0...message.count {
        let reading = readContent(reader, message, ends: [cut, message.count])
        if reading != whole {
            Issue.record("cut at \(cut): \(reading), whole: \(whole)")
            return whole
        }
    }
    let trickled = readContent(reader, message, ends: Array(0...message.count))
    if trickled != whole { Issue.record("octet by octet: \(trickled), whole: \(whole)") }
    return whole
}
