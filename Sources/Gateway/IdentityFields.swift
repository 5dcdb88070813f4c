// Who the visitor is, as field lines for the upstream.
//
// "To the upstream" in the contract to users: one line a field; lists joined by commas;
// percent-encoded wherever an octet could end the line, be read as another character set, or hide a
// border. An upstream that decodes percent-encoding gets the claim back exactly.

internal import Configuration
internal import Sessions
internal import Values

struct IdentityFields: Sendable {
    private struct Field: Sendable {
        /// `X-Forwarded-User: `
        let start: [UInt8]
        let claim: [UInt8]
        let isSubject: Bool
        let isEmail: Bool
        /// Whether a comma would be read as a border whatever the claim's kind.
        let isList: Bool
    }

    private let fields: [Field]
    private let unverifiedEmail: Bool

    init(_ settings: IdentitySettings) {
        fields = settings.headers.map { header in
            Field(
                start: Array("\(header.field): ".utf8), claim: Array(header.claim.utf8),
                isSubject: header.claim == "sub", isEmail: header.claim == "email",
                isList: header.field.lowercased() == "x-forwarded-groups")
        }
        unverifiedEmail = settings.unverifiedEmail
    }

    /// The claims that a session has to keep for these fields.
    static func claims(neededBy settings: IdentitySettings) -> [String] {
        var names = settings.headers.map(\.claim).filter { $0 != "sub" }
        if names.contains("email"), !settings.unverifiedEmail { names.append("email_verified") }
        return names
    }

    /// Writes a line for each claim that the session has.
    func append(_ view: borrowing SessionView, to out: inout [UInt8]) {
        let octets = view.octets.span
        for place in fields.indices {
            if fields[place].isSubject {
                appendLine(place, octets.extracting(view.subject), to: &out)
                continue
            }
            guard let index = index(of: fields[place].claim, in: view) else { continue }
            if fields[place].isEmail, !unverifiedEmail, emailIsUnverified(view) { continue }
            let claim = view.claims[index]
            switch claim.kind {
            case .text, .number, .bool:
                guard let first = claim.values.first else { continue }
                appendLine(place, octets.extracting(view.valueRanges[first]), to: &out)
            case .list:
                appendList(place, view, claim.values, to: &out)
            }
        }
    }

    // Fields are named by their index, since a copy would count references.

    private func appendLine(_ place: Int, _ value: Span<UInt8>, to out: inout [UInt8]) {
        guard !value.isEmpty else { return }
        out.append(contentsOf: fields[place].start)
        appendIdentityValue(value, inList: fields[place].isList, to: &out)
        out.append("\r\n")
    }

    private func appendList(
        _ place: Int, _ view: borrowing SessionView, _ values: Range<Int>, to out: inout [UInt8]
    ) {
        let octets = view.octets.span
        var isFirst = true
        for index in values {
            let member = octets.extracting(view.valueRanges[index])
            if member.isEmpty { continue }
            if isFirst { out.append(contentsOf: fields[place].start) } else { out.append(",") }
            isFirst = false
            appendIdentityValue(member, inList: true, to: &out)
        }
        if !isFirst { out.append("\r\n") }
    }

    private func index(of claim: [UInt8], in view: borrowing SessionView) -> Int? {
        let octets = view.octets.span
        for index in view.claims.indices
        where OctetText.equals(octets.extracting(view.claims[index].name), claim.span) {
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
func appendIdentityValue(_ value: Span<UInt8>, inList: Bool, to out: inout [UInt8]) {
    var clean = 0
    for index in value.indices {
        let octet = value[index]
        let isKept =
            switch octet {
            case UInt8(ascii: " "): index != 0 && index != value.count - 1
            case UInt8(ascii: "%"): false
            case UInt8(ascii: ","): !inList
            case 0x21...0x7E: true
            default: false
            }
        if isKept { continue }
        out.append(contentsOf: value.extracting(clean..<index))
        PercentEncoding.escape(octet, to: &out)
        clean = index + 1
    }
    out.append(contentsOf: value.extracting(clean..<value.count))
}
