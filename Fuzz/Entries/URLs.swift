// URLs, origins and hosts: what is printed reads back as the same, and a relative reference does not
// leave its origin.
import HTTP

extension Entry {
    static let urls = Entry("urls", octetsMax: 1024) { octets in
        let text = String(decoding: octets, as: UTF8.self)
        if let url = HTTPURL(parsing: text) {
            try hold(HTTPURL(parsing: url.description) == url, "reads back differently: \(url)")
        }
        if let base = HTTPURL(parsing: "https://portal.example.com/a/b?c"),
            let url = base.resolving(text)
        {
            try hold(HTTPURL(parsing: url.description) == url, "resolved: \(url)")
            let namesAuthority = text.hasPrefix("//") || text.contains("://")
            try hold(namesAuthority || url.origin == base.origin, "\(text) leads to \(url)")
        }
        for allowsSlash in [false, true] {
            guard let origin = Origin(parsing: text, trailingSlash: allowsSlash) else { continue }
            try hold(Origin(parsing: origin.description) == origin, "origin: \(origin)")
            _ = origin.isLoopback
        }
        if let (host, port) = HostField.parse(octets.span) {
            let again = HostField.parse(port.map { "\(host):\($0)" } ?? host)
            try hold(again?.host == host && again?.port == port, "host: \(text)")
        }
    }
}
