// The front of the YAML room: a file's octets become nodes that know where they stood.
//
// Only the part of YAML 1.2 that has one reading is accepted: one document of mappings, sequences
// and scalars. Anchors, aliases, tags, a key written twice and a key that is not a scalar are
// faults, because two readers take them differently. What a scalar means (a number, a duration) is
// the reader's business; here it is text and whether it was quoted. libyaml reads the grammar.

package enum YAML {
    /// A configuration larger than this is a mistake.
    package static let octetsMax = 1 << 20
    package static let depthMax = 32

    /// The document's root; a fault is the first of those that `read` would report.
    package static func parse(_ octets: [UInt8]) throws(YAMLFault) -> YAMLNode {
        let document = read(octets)
        if let fault = document.faults.first { throw fault }
        // Without a fault there is a root: a file of comments has one, an empty scalar.
        guard let root = document.root else {
            throw YAMLFault(mark: .start, what: "the file is empty")
        }
        return root
    }

    /// Reads on behind a fault as far as the grammar lets it, so that one run finds them all.
    /// After a syntax error there is no root.
    package static func read(_ octets: [UInt8]) -> YAMLDocument {
        guard octets.count <= octetsMax else {
            let what = "the file has \(octets.count) octets; at most \(octetsMax) are read"
            return YAMLDocument(root: nil, faults: [YAMLFault(mark: .start, what: what)])
        }
        if let broken = firstBrokenOctet(octets) {
            let fault = YAMLFault(
                mark: Mark(ofOffset: broken, in: octets),
                what: "an octet here is not UTF-8 text")
            return YAMLDocument(root: nil, faults: [fault])
        }
        var composer = Composer()
        do {
            try withEvents(of: octets) { event throws(YAMLFault) in try composer.take(event) }
            return composer.document
        } catch {
            return YAMLDocument(root: nil, faults: composer.document.faults + [error])
        }
    }

    /// Where the first octet stands that no UTF-8 text would have.
    private static func firstBrokenOctet(_ octets: [UInt8]) -> Int? {
        guard String(validating: octets, as: UTF8.self) == nil else { return nil }
        var offset = 0
        var decoder = UTF8()
        var source = octets.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&source) {
            offset += UTF8.width(scalar)
        }
        return min(offset, octets.count - 1)
    }
}

/// A place in a file, from 1; columns count characters.
package struct Mark: Hashable, Sendable {
    package let line: Int
    package let column: Int
    package static let start = Mark(line: 1, column: 1)

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Where the octet at `offset` stands.
    init(ofOffset offset: Int, in octets: [UInt8]) {
        let before = octets[..<min(offset, octets.count)]
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        line = before.count { $0 == 0x0A } + 1
        // Octets 10xxxxxx continue a character that an earlier octet began.
        column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
    }
}

package struct YAMLFault: Error, Hashable, Sendable {
    package let mark: Mark
    package let what: String
    /// The mapping's key that the fault is about; `nil` where it is about the text.
    package let key: String?

    package init(mark: Mark, what: String, key: String? = nil) {
        self.mark = mark
        self.what = what
        self.key = key
    }
}

package struct YAMLDocument: Sendable {
    package let root: YAMLNode?
    package let faults: [YAMLFault]
}
