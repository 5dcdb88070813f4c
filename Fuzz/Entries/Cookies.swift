// A Cookie field: pairs lie in order and apart, hold no border, and read back when joined.
import HTTP

extension Entry {
    static let cookies = Entry("cookies", octetsMax: 1024) { octets in
        let pairs = pairs(of: octets)
        var end = 0
        for pair in pairs {
            try hold(pair.whole.lowerBound >= end, "pairs overlap")
            end = pair.whole.upperBound
            try hold(!octets[pair.whole].contains(UInt8(ascii: ";")), "a pair with a border")
            try hold(!octets[pair.name].contains(UInt8(ascii: "=")), "a name with =")
            try hold(pair.whole.contains(range: pair.name), "a name outside its pair")
            try hold(pair.whole.contains(range: pair.value), "a value outside its pair")
        }
        let joined = Array(pairs.map { octets[$0.whole] }.joined(separator: [0x3b, 0x20]))
        let again = Entry.pairs(of: joined)
        try hold(
            again.map { [joined[$0.name], joined[$0.value]] }
                == pairs.map { [octets[$0.name], octets[$0.value]] }, "joined they differ")
    }

    private static func pairs(of octets: [UInt8]) -> [CookiePair] {
        var found: [CookiePair] = []
        CookiePairs.forEach(of: octets.span) { found.append($0) }
        return found
    }
}

extension Range<Int> {
    fileprivate func contains(range: Range<Int>) -> Bool {
        lowerBound <= range.lowerBound && range.upperBound <= upperBound
    }
}
