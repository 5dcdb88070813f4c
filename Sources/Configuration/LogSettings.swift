// What is written to standard output.

package struct LogSettings: Sendable {
    package internal(set) var level = LogLevel.info
    package internal(set) var format = LogFormat.json
    /// Whether each request has a line.
    package internal(set) var access = true
}

package enum LogLevel: String, CaseIterable, Sendable { case debug, info, warning, error }

package enum LogFormat: String, CaseIterable, Sendable { case json, text }
