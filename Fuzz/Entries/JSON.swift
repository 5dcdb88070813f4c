// JSON: parsed, written and parsed again it is the same value, and what is written may stand in HTML.
import JSON

extension Entry {
    static let json = Entry("json") { octets in
        guard let value = try? JSON(parsing: octets) else { return }
        let written = value.serialized()
        try hold(try JSON(parsing: written) == value, "differs as \(written)")
        try hold(value.octets == Array(written.utf8), "text and octets differ")
        let inHTML = written.unicodeScalars.contains {
            "<>&\u{2028}\u{2029}".unicodeScalars.contains($0)
        }
        try hold(!inHTML, "not fit for HTML: \(written)")
        _ = (value.integer, value.double, value.strings)
    }
}
