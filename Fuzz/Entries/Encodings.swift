// Octets as text: every octet string has one text in each encoding, and only that text decodes.
import Values

extension Entry {
    static let encodings = Entry("encodings", octetsMax: 1024) { octets in
        let text = String(decoding: octets, as: UTF8.self)
        try hold(Base64URL.decode(Base64URL.encode(octets.span)) == octets, "base64url")
        try hold(Base64.decode(Base64.encode(octets.span)) == octets, "base64")
        try hold(Hex.decode(Hex.encode(octets.span)) == octets, "hex")
        if let decoded = Base64URL.decode(octets.span) {
            try hold(Base64URL.encode(decoded.span) == text, "two base64url texts: \(text)")
        }
        if let decoded = Base64.decode(octets.span) {
            try hold(Base64.encode(decoded.span) == text, "two base64 texts: \(text)")
        }
        if let decoded = Hex.decode(octets.span) {
            try hold(Hex.encode(decoded.span) == text.lowercased(), "hex: \(text)")
        }
        let component = PercentEncoding.encodeComponent(text)
        try hold(PercentEncoding.decode(Array(component.utf8).span) == Array(text.utf8), component)
        let form = PercentEncoding.encodeForm(text)
        try hold(PercentEncoding.decodeForm(Array(form.utf8).span) == text, form)
        _ = (PercentEncoding.decode(octets.span), PercentEncoding.decodeForm(octets.span))
    }
}
