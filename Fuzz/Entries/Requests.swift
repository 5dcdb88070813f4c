// A request's head: cut anywhere it reads the same, and what our own writer makes of it reads alike.
import HTTP
import Values

extension Entry {
    static let requests = Entry("requests", octetsMax: 2048) { octets in
        let whole = RequestReading(octets, ends: [octets.count])
        for cut in cuts(of: octets) {
            let reading = RequestReading(octets, ends: [cut, octets.count])
            try hold(reading == whole, "cut at \(cut): \(reading), whole: \(whole)")
        }
        let trickled = RequestReading(octets, ends: Array(0...octets.count))
        try hold(trickled == whole, "octet by octet: \(trickled), whole: \(whole)")
        let followed = RequestReading(octets + [0x47, 0x20], ends: [octets.count + 2])
        try hold(whole.step == .needsMore || followed == whole, "what follows changes it")
        if let message = whole.message(octets) {
            let written = message.serialized()
            let again = RequestReading(written, ends: [written.count])
            try hold(again.step == .head, "as our writer wrote it: \(again.step)")
            try hold(again.octetCount == written.count, "the writer's end is not the reader's")
            let same = again.message(written).map { $0.serialized() == written } ?? false
            try hold(same, "writer and reader differ: \(String(decoding: written, as: UTF8.self))")
        }
    }
}

/// What a reader made of a head.
private struct RequestReading: Equatable {
    var step = RequestReader.Step.needsMore
    var method: OctetRange?
    var target: OctetRange?
    var parts: [OctetRange] = []
    var fields: [FieldLine] = []
    var framing = BodyFraming.none
    var keepsAlive = false
    var isCurrent = false
    var octetCount = 0

    /// Reads up to each of `ends` in turn, to the first outcome.
    init(_ octets: [UInt8], ends: [Int]) {
        var reader = RequestReader()
        var head = RequestHead()
        for end in ends where step == .needsMore {
            step = reader.step(octets.span.extracting(0..<end), into: &head)
        }
        guard step == .head else { return }
        method = head.methodToken
        target = head.target
        parts = [head.authority, head.path, head.query]
        fields = head.fields
        framing = head.framing
        keepsAlive = head.keepsAlive
        isCurrent = head.minorVersion == 1
        octetCount = head.octetCount
    }

    /// The head as a message of our own, which is in HTTP/1.1; `nil` for one of HTTP/1.0, which may
    /// say less or mean less by it, and where it is not text.
    func message(_ octets: [UInt8]) -> HTTPMessage.Request? {
        func text(_ range: OctetRange) -> String? {
            OctetText.string(octets.span.extracting(range.range))
        }
        guard isCurrent, let method = method.flatMap(text), let target = target.flatMap(text) else {
            return nil
        }
        var lines: [(name: String, value: String)] = []
        for field in fields where field.known != .contentLength {
            guard let name = text(field.name), let value = text(field.value) else { return nil }
            lines.append((name, value))
        }
        return HTTPMessage.Request(method: method, target: target, fields: lines)
    }
}
