// What request heads and response heads share: their fields, found by what they are.
import Values

/// A head whose fields lie in the octets it was read from.
package protocol MessageHead {
    /// In the order received, repeated names included.
    var fields: [FieldLine] { get }
    /// Which known fields there are.
    var present: KnownFields { get }
}

extension MessageHead {
    /// The first line of the field, or `nil`. An absent field costs a bit test.
    package func first(_ known: KnownField) -> FieldLine? {
        guard present.contains(known) else { return nil }
        for index in fields.indices where fields[index].known == known { return fields[index] }
        return nil
    }

    /// How many lines the field has.
    package func count(of known: KnownField) -> Int {
        guard present.contains(known) else { return 0 }
        var count = 0
        for index in fields.indices where fields[index].known == known { count += 1 }
        return count
    }

    /// The field's line where it has exactly one.
    package func only(_ known: KnownField) -> FieldLine? {
        count(of: known) == 1 ? first(known) : nil
    }

    /// The index in `fields` of the next line of the field at or after `start`:
    ///
    ///     var index = head.nextIndex(of: .cookie, from: 0)
    ///     while let at = index { …; index = head.nextIndex(of: .cookie, from: at + 1) }
    package func nextIndex(of known: KnownField, from start: Int) -> Int? {
        guard present.contains(known), start >= 0 else { return nil }
        var index = start
        while index < fields.count {
            if fields[index].known == known { return index }
            index += 1
        }
        return nil
    }

    /// What `Connection` lists, in all its lines, as a list of its own.
    package func connectionNames(_ octets: Span<UInt8>) -> [UInt8] {
        var names: [UInt8] = []
        for line in fields where line.known == .connection {
            names.append(contentsOf: octets.extracting(line.value.range))
            names.append(.comma)
        }
        return names
    }

    /// The first value of the field as text, for cold paths; `nil` when absent or not UTF-8.
    package func text(_ known: KnownField, in octets: Span<UInt8>) -> String? {
        guard let line = first(known) else { return nil }
        return OctetText.string(octets.extracting(line.value.range))
    }
}

/// What `Connection` says (RFC 9110 §7.6.1).
package struct ConnectionOptions: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let close = ConnectionOptions(rawValue: 1)
    package static let keepAlive = ConnectionOptions(rawValue: 2)
    package static let upgrade = ConnectionOptions(rawValue: 4)
    /// It names fields, known or not, that end at this hop.
    package static let namesFields = ConnectionOptions(rawValue: 8)

    /// As many as one head may list. Each is compared with each field, so there has to be an end;
    /// and past it a head is refused, since passing over a name would pass on what it names.
    static let membersMax = 2048

    /// The options of one line. What is no token names no field and is skipped.
    package init(_ value: Span<UInt8>) {
        var members = 0
        self.init(value, counting: &members)
    }

    init(_ value: Span<UInt8>, counting members: inout Int) {
        self = []
        // The two that nearly every peer sends need no list.
        if value.isName("keep-alive") {
            insert(.keepAlive)
            return
        }
        if value.isName("close") {
            insert(.close)
            return
        }
        var list = ListMembers()
        while let member = list.next(in: value) {
            members += 1
            let option = value.extracting(member)
            if option.isName("close") {
                insert(.close)
            } else if option.isName("keep-alive") {
                insert(.keepAlive)
            } else if option.isName("upgrade") {
                insert(.upgrade)
            } else if option.isToken {
                insert(.namesFields)
            }
        }
    }

    /// Whether the connection outlives the message (RFC 9112 §9.3).
    func keepsAlive(minorVersion: UInt8) -> Bool {
        if contains(.close) { return false }
        return minorVersion > 0 || contains(.keepAlive)
    }
}
