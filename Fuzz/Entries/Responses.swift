// A response's head: cut anywhere it reads the same, whatever was asked.
import HTTP

extension Entry {
    static let responses = Entry("responses", octetsMax: 2048) { octets in
        for method in [HTTP.Method.get, .head] {
            let whole = ResponseReading(octets, to: method, ends: [octets.count])
            for cut in cuts(of: octets) {
                let reading = ResponseReading(octets, to: method, ends: [cut, octets.count])
                try hold(reading == whole, "cut at \(cut): \(reading), whole: \(whole)")
            }
            let trickled = ResponseReading(octets, to: method, ends: Array(0...octets.count))
            try hold(trickled == whole, "octet by octet: \(trickled), whole: \(whole)")
        }
    }
}

private struct ResponseReading: Equatable {
    var step = ResponseReader.Step.needsMore
    var status = 0
    var reason = OctetRange.empty
    var fields: [FieldLine] = []
    var framing = ResponseFraming.none
    var keepsAlive = false
    var octetCount = 0

    init(_ octets: [UInt8], to method: HTTP.Method, ends: [Int]) {
        var reader = ResponseReader()
        var head = ResponseHead()
        for end in ends where step == .needsMore {
            step = reader.step(
                octets.span.extracting(0..<end), into: &head, requestMethod: method)
        }
        guard step == .head else { return }
        status = head.status
        reason = head.reason
        fields = head.fields
        framing = head.framing
        keepsAlive = head.keepsAlive
        octetCount = head.octetCount
    }
}
