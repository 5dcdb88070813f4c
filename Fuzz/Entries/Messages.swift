// Whole messages, gathered: octet by octet they are the same messages as all at once.
import HTTP

extension Entry {
    static let messages = Entry("messages", octetsMax: 2048) { octets in
        let whole = response([octets[...]])
        let trickled = response(octets.indices.map { octets[$0...$0] })
        try hold(whole == trickled, "octet by octet: \(trickled), whole: \(whole)")
        let requests = gatheredRequests([octets[...]])
        let trickledRequests = gatheredRequests(octets.indices.map { octets[$0...$0] })
        try hold(requests == trickledRequests, "requests: \(trickledRequests), not \(requests)")
    }

    private static let contentMax = 512

    private static func response(_ pieces: [ArraySlice<UInt8>]) -> [String] {
        var assembler = MessageAssembler(answering: .get, contentOctetsMax: contentMax)
        do {
            for piece in pieces {
                guard let message = try assembler.feed(Array(piece).span) else { continue }
                return ["\(message.status)", "\(message.fields)", "\(message.body)"]
            }
            let message = try assembler.ended()
            return ["\(message.status)", "\(message.fields)", "\(message.body)"]
        } catch { return [error.code] }
    }

    private static func gatheredRequests(_ pieces: [ArraySlice<UInt8>]) -> [String] {
        var assembler = RequestAssembler(contentOctetsMax: contentMax)
        var found: [String] = []
        do {
            for piece in pieces {
                assembler.feed(Array(piece).span)
                while let message = try assembler.next() {
                    found += [message.method, message.target, "\(message.fields)"]
                    found.append("\(message.body)")
                }
            }
        } catch { found.append(error.code) }
        return found
    }
}
