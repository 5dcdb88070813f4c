// Forms and queries: what is read and written again reads the same.
import Values

extension Entry {
    static let forms = Entry("forms", octetsMax: 2048) { octets in
        guard let form = Form(parsing: octets.span) else { return }
        try hold(form.pairs.count <= 100, "\(form.pairs.count) pairs")
        try hold(Form(parsing: form.encoded) == form, "differs as \(form.encoded)")
    }
}
