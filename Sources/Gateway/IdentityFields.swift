// Who the visitor is, as field lines for the upstream.
//
// "To the upstream" in the contract to users: one line a field; lists joined by commas;
// percent-encoded wherever an octet could end the line, be read as another character set, or hide a
// border. An upstream that decodes percent-encoding gets the claim back exactly.

internal import Configuration
internal import Sessions
internal import Values

struct IdentityFields: Sendable {
    /// One field. Its texts lie in `text`, since arrays of its own would be counted references, taken
    /// and given back with every request.
    private struct Field: Sendable {
        /// `X-Forwarded-User: `
        let start: Range<Int>
        let claim: Range<Int>
        let isSubject: Bool
        let isEmail: Bool
        /// Whether a comma would be read as a border whatever the claim's kind.
        let isList: Bool
    }

    private let fields: [Field]
    private let text: [UInt8]
    private let unverifiedEmail: Bool

    init(_ settings: IdentitySettings) {
        var text: [UInt8] = []
        func place(_ string: String) -> Range<Int> {
            let start = text.count
            text.append(utf8: string)
            return start..<text.count
        }
        fields = settings.headers.map { header in
            Field(
                start: place("\(header.field): "), claim: place(header.claim),
                isSubject: header.claim == "sub", isEmail: header.claim == "email",
                isList: header.field.lowercased() == "x-forwarded-groups")
        }
        self.text = text
        unverifiedEmail = settings.unverifiedEmail
    }

    /// The claims that a session has to keep for these fields.
    static func claims(neededBy settings: IdentitySettings) -> [String] {
        var names = settings.headers.map(\.claim).filter { $0 != "sub" }
        if names.contains("email"), !settings.unverifiedEmail { names.append("email_verified") }
        return names
    }

    /// Writes a line for each claim that the session has.
    func append(_ view: borrowing SessionView, to out: inout OctetWriter) {
        let octets = view.octets.span
        let claims = view.claims.span
        let text = text.span
        for place in fields.indices {
            let field = fields[place]
            let start = text.extracting(field.start)
            if field.isSubject {
                appendLine(start, octets.extracting(view.subject), field.isList, to: &out)
                continue
            }
            guard let index = index(of: text.extracting(field.claim), claims, octets) else {
                continue
            }
            if field.isEmail, !unverifiedEmail, emailIsUnverified(view) { continue }
            let values = claims[index].values
            switch claims[index].kind {
            case .text, .number, .bool:
                guard let first = values.first else { continue }
                appendLine(
                    start, octets.extracting(view.valueRanges[first]), field.isList, to: &out)
            case .list:
                appendList(start, octets, view.valueRanges.span.extracting(values), to: &out)
            }
        }
    }

    private func appendLine(
        _ start: Span<UInt8>, _ value: Span<UInt8>, _ isList: Bool, to out: inout OctetWriter
    ) {
        guard !value.isEmpty else { return }
        out.append(contentsOf: start)
        appendIdentityValue(value, inList: isList, to: &out)
        out.append("\r\n")
    }

    private func appendList(
        _ start: Span<UInt8>, _ octets: Span<UInt8>, _ members: Span<Range<Int>>,
        to out: inout OctetWriter
    ) {
        var isFirst = true
        for index in members.indices {
            let member = octets.extracting(members[index])
            if member.isEmpty { continue }
            if isFirst { out.append(contentsOf: start) } else { out.append(",") }
            isFirst = false
            appendIdentityValue(member, inList: true, to: &out)
        }
        if !isFirst { out.append("\r\n") }
    }

    private func index(
        of claim: Span<UInt8>, _ claims: Span<SessionView.Claim>, _ octets: Span<UInt8>
    ) -> Int? {
        for index in claims.indices
        where OctetText.equals(octets.extracting(claims[index].name), claim) {
            return index
        }
        return nil
    }

    /// `false` or `"false"`; an absent claim says nothing against the address.
    private func emailIsUnverified(_ view: borrowing SessionView) -> Bool {
        let octets = view.octets.span
        for index in view.claims.indices
        where OctetText.equals(octets.extracting(view.claims[index].name), "email_verified") {
            let claim = view.claims[index]
            guard claim.kind == .bool || claim.kind == .text, let first = claim.values.first else {
                return false
            }
            return OctetText.equals(octets.extracting(view.valueRanges[first]), "false")
        }
        return false
    }
}

/// One value or member: controls, octets outside ASCII, `%`, a space at either end and, in a list,
/// a comma become `%XX`.
func appendIdentityValue(_ value: Span<UInt8>, inList: Bool, to out: inout OctetWriter) {
    // What begins or ends in a space is rare; what is written between is looked through at once.
    var clean = value.count > 0 && value[0] == UInt8(ascii: " ") ? 1 : 0
    if clean == 1 { out.append(escaping: value[0]) }
    let endsInSpace = value.count > clean && value[value.count - 1] == UInt8(ascii: " ")
    let end = endsInSpace ? value.count - 1 : value.count
    var index = clean
    while true {
        index = min(OctetText.plainEnd(of: value, from: index), end)
        guard index < end else { break }
        if value[index] != UInt8(ascii: ",") || inList {
            out.append(contentsOf: value.extracting(clean..<index))
            out.append(escaping: value[index])
            clean = index + 1
        }
        index += 1
    }
    out.append(contentsOf: value.extracting(clean..<end))
    if endsInSpace { out.append(escaping: UInt8(ascii: " ")) }
}
