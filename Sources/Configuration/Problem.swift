// What is wrong with a configuration, where, and what to do about it.

/// One line and a remedy, as the person on call reads them.
package struct Problem: Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1. They point at the offending value; at the key where it is unknown; at the mapping
    /// where a key is missing.
    package let line: Int
    package let column: Int
    /// The key's path: `listeners[0].tls.profile`.
    package let key: String
    package let what: String
    package let fix: String
    /// A warning is shown and changes no exit status.
    package let isWarning: Bool

    package var description: String {
        let kind = isWarning ? "warning: " : ""
        return "\(file):\(line):\(column): \(key): \(kind)\(what)\n    fix: \(fix)"
    }
}
