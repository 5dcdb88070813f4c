// Dates in fields: what we read, we write as a date that reads the same.
import HTTP

extension Entry {
    static let dates = Entry("dates", octetsMax: 64) { octets in
        guard let time = HTTPDate.parse(octets.span) else { return }
        let written = HTTPDate.format(time)
        try hold(HTTPDate.parse(written) == time, "\(time) is written \(written)")
    }
}
