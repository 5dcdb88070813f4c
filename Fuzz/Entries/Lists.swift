// Lists in fields, Accept's weights, and the names of fields.
import HTTP

extension Entry {
    static let lists = Entry("lists", octetsMax: 1024) { octets in
        for separator in [UInt8(ascii: ","), UInt8(ascii: ";")] {
            var members = ListMembers()
            var end = 0
            while let member = members.next(in: octets.span, separatedBy: separator) {
                try hold(member.lowerBound >= end && !member.isEmpty, "members overlap")
                end = member.upperBound
            }
            try hold(end <= octets.count, "a member past the end")
        }
        let quality = Accept.quality(of: octets.span, type: "text", subtype: "html")
        try hold((0...1000).contains(quality), "a weight of \(quality)")
        let known = KnownField.of(octets.span)
        if known != .other {
            let name = String(decoding: octets, as: UTF8.self).lowercased()
            try hold(known.name == name, "\(name) is taken for \(known.name)")
            try hold(fieldNameMatchesLoosely(octets.span, Array(known.name.utf8).span), name)
        }
        _ = ConnectionOptions(octets.span)
    }
}
