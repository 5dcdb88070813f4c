// A balancer's preface: more octets change no outcome but "needs more", and none behind it is taken.
import HTTP

extension Entry {
    static let prefaces = Entry("prefaces", octetsMax: 5000) { octets in
        let whole = ProxyPreface.parse(octets.span)
        switch whole {
        case .needsMore:
            try hold(octets.count < ProxyPreface.octetsMax, "\(octets.count) are not enough")
        case .source(_, let consumed):
            try hold(consumed <= octets.count, "more than there is")
            let alone = ProxyPreface.parse(octets.span.extracting(0..<consumed))
            try hold(alone == whole, "alone: \(alone), followed: \(whole)")
        case .refused: break
        }
        for cut in cuts(of: octets) {
            let part = ProxyPreface.parse(octets.span.extracting(0..<cut))
            switch part {
            case .needsMore: break
            case .source, .refused: try hold(part == whole, "cut at \(cut): \(part), \(whole)")
            }
        }
    }
}
