// A value in a YAML document, and where it stood.

package indirect enum YAMLNode: Hashable, Sendable {
    case scalar(String, style: ScalarStyle, mark: Mark)
    case sequence([YAMLNode], mark: Mark)
    /// In the order written, without duplicates: of a key written twice the first is kept.
    case mapping([YAMLEntry], mark: Mark)

    package var mark: Mark {
        switch self {
        case .scalar(_, _, let mark), .sequence(_, let mark), .mapping(_, let mark): mark
        }
    }

    /// Whether this is `null`, `~` or nothing at all; quoted, each of them is text.
    package var isNull: Bool {
        guard case .scalar(let text, .plain, _) = self else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

/// A plain scalar may be a number or `null`; a quoted one (or a block) is text.
package enum ScalarStyle: Hashable, Sendable { case plain, quoted }

package struct YAMLEntry: Hashable, Sendable {
    package let key: String
    package let keyMark: Mark
    package let value: YAMLNode

    package init(key: String, keyMark: Mark, value: YAMLNode) {
        self.key = key
        self.keyMark = keyMark
        self.value = value
    }
}
