// Booleans, numbers, durations, sizes and choices.

internal import JSON
internal import YAML

extension Kind where Value == Bool {
    static let bool = Kind.scalar(
        "true or false", schema: ["type": "boolean"], fix: "write true or false",
        text: { $0 ? "true" : "false" },
        // `yes`, `on` and the like are text in YAML 1.2 and true in YAML 1.1.
        parse: { ["true": true, "false": false][$0] })
}

extension Kind where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Kind {
        .scalar(
            "integer from \(range.lowerBound) to \(range.upperBound)",
            schema: [
                "type": "integer", "minimum": .number("\(range.lowerBound)"),
                "maximum": .number("\(range.upperBound)"),
            ],
            fix: "write a whole number from \(range.lowerBound) to \(range.upperBound)",
            text: { "\($0)" },
            parse: { decimal($0).flatMap { range.contains($0) ? $0 : nil } })
    }

    /// Octets: `16KiB`, `1MiB`, `2GiB`, or a plain number.
    static func size(_ range: ClosedRange<Int>) -> Kind {
        .scalar(
            "size", schema: ["type": ["string", "integer"], "pattern": "^[0-9]+(KiB|MiB|GiB)?$"],
            fix: "write a size from \(sizeText(range.lowerBound)) to "
                + "\(sizeText(range.upperBound)), such as 16KiB or 1MiB",
            text: sizeText,
            parse: { parseSize($0).flatMap { range.contains($0) ? $0 : nil } })
    }
}

extension Kind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Kind {
        .scalar(
            "duration", schema: ["type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"],
            fix: "write a duration from \(durationText(range.lowerBound)) to "
                + "\(durationText(range.upperBound)), such as 500ms, 30s, 15m, 8h or 30d",
            text: durationText,
            parse: { parseDuration($0).flatMap { range.contains($0) ? $0 : nil } })
    }
}

extension Kind where Value: RawRepresentable & CaseIterable & Equatable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static func choice() -> Kind {
        let words = Value.allCases.map(\.rawValue)
        let listed = words.joined(separator: ", ")
        return Kind(
            name: words.map { "`\($0)`" }.joined(separator: " or "),
            schema: ["enum": .array(words.map { .string($0) })],
            text: { $0.rawValue }
        ) { node, key, reading in
            guard case .scalar(let word, _, _) = node else {
                reading.problem(
                    key, "must be one word, not \(node.kindInWords)", fix: "write one of: \(listed)"
                )
                return nil
            }
            guard let value = Value(rawValue: word) else {
                let near = nearest(to: word, among: words)
                reading.problem(
                    key, "\(quoted(word)) is not one of: \(listed)",
                    fix: near.map { "did you mean `\($0)`?" } ?? "write one of: \(listed)")
                return nil
            }
            return value
        }
    }
}

/// Digits and nothing else: `Int("+5")` is 5, and no file means that.
func decimal(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)  // nil: too large
}

private let sizeUnits = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)]

func parseSize(_ text: String) -> Int? {
    // The empty unit is last and fits every text.
    for (unit, octets) in sizeUnits where text.hasSuffix(unit) {
        guard let count = decimal(text.dropLast(unit.count)) else { return nil }
        let (product, overflows) = count.multipliedReportingOverflow(by: octets)
        return overflows ? nil : product
    }
    return nil
}

@Sendable func sizeText(_ octets: Int) -> String {
    for (unit, size) in sizeUnits where octets >= size && octets % size == 0 {
        return "\(octets / size)\(unit)"
    }
    return "\(octets)"
}

/// Milliseconds, largest first; `ms` before `s`, whose suffix it has.
private let durationUnits = [
    ("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
]

package func parseDuration(_ text: String) -> Duration? {
    for (unit, milliseconds) in durationUnits where text.hasSuffix(unit) {
        guard let count = decimal(text.dropLast(unit.count)) else { return nil }
        let (product, overflows) = count.multipliedReportingOverflow(by: milliseconds)
        return overflows ? nil : .milliseconds(product)
    }
    return nil
}

@Sendable func durationText(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    // Durations here were parsed from whole milliseconds within a range of days.
    let milliseconds = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    if milliseconds == 0 { return "0s" }
    for (unit, length) in durationUnits.dropFirst() where milliseconds % length == 0 {
        // A minute is written 60s, as such waits usually are.
        if unit == "m", milliseconds == length { continue }
        return "\(milliseconds / length)\(unit)"
    }
    return "\(milliseconds)ms"
}
