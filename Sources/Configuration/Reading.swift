// One reading of a configuration file: what is asked of the world outside, where every value stood,
// and the problems found so far.
//
// A problem names a key's path, and the place follows from it: the value's; or the key's, where the
// key itself is wrong; or that of the nearest mapping around it, where nothing was written.

internal import YAML

struct Reading {
    let source: ConfigurationSource
    private var found: [Problem] = []
    private var valueMarks: [String: Mark] = [:]
    private var keyMarks: [String: Mark] = [:]

    init(_ source: ConfigurationSource) { self.source = source }

    /// Every problem so far, in the order of the file.
    var problems: [Problem] {
        found.enumerated()
            .sorted {
                ($0.element.line, $0.element.column, $0.offset)
                    < ($1.element.line, $1.element.column, $1.offset)
            }
            .map(\.element)
    }

    var hasError: Bool { found.contains { !$0.isWarning } }

    mutating func problem(_ key: String, _ what: String, fix: String) {
        report(key, at: mark(of: key), what, fix, isWarning: false)
    }

    mutating func warning(_ key: String, _ what: String, fix: String) {
        report(key, at: mark(of: key), what, fix, isWarning: true)
    }

    /// A problem with the key itself: where it stands, not where its value does.
    mutating func keyProblem(_ key: String, _ what: String, fix: String) {
        report(key, at: keyMarks[key] ?? mark(of: key), what, fix, isWarning: false)
    }

    mutating func syntaxProblem(_ fault: YAMLFault) {
        report(fault.key ?? "yaml", at: fault.mark, fault.what, fault.remedy, isWarning: false)
    }

    /// Whether something was found at this key or below it.
    func hasProblem(_ key: String) -> Bool {
        found.contains { problem in
            guard !problem.isWarning, problem.key.hasPrefix(key) else { return false }
            return [nil, ".", "["].contains(problem.key.dropFirst(key.count).first)
        }
    }

    /// A key's path in one line; what the operator did not choose fits whole.
    private func shown(_ key: String) -> String {
        key.unicodeScalars.contains(where: \.isControl) || key.count > 200 ? escaped(key) : key
    }

    func isWritten(_ key: String) -> Bool { keyMarks[key] != nil }

    private mutating func report(
        _ key: String, at mark: Mark, _ what: String, _ fix: String, isWarning: Bool
    ) {
        found.append(
            Problem(
                file: source.file, line: mark.line, column: mark.column, key: shown(key),
                what: what,
                fix: fix, isWarning: isWarning))
    }

    /// Remembers where each value and key below `node` stands, under its path.
    mutating func remember(_ node: YAMLNode, as key: String = "") {
        valueMarks[key] = node.mark
        switch node {
        case .scalar: break
        case .sequence(let nodes, _):
            for (index, node) in nodes.enumerated() { remember(node, as: "\(key)[\(index)]") }
        case .mapping(let entries, _):
            for entry in entries {
                let path = key.below(entry.key)
                keyMarks[path] = entry.keyMark
                remember(entry.value, as: path)
            }
        }
    }

    private func mark(of key: String) -> Mark {
        var path = key[...]
        while true {
            if let mark = valueMarks[String(path)] { return mark }
            guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { break }
            path = path[..<end]
        }
        return valueMarks[""] ?? .start
    }
}

extension String {
    /// The path of the key `name` in the mapping whose path this is.
    func below(_ name: String) -> String { isEmpty ? name : self + "." + name }
}

extension YAMLFault {
    /// What to do about a fault of the grammar. Libyaml says what it met, not what helps.
    fileprivate var remedy: String {
        if what.hasPrefix("the key \"") { return "keep one of the two" }
        if what.hasPrefix("anchors") || what.hasPrefix("aliases") {
            return "write the value out in each place"
        }
        if what.hasPrefix("tags") { return "leave the tag out; the key says what type it takes" }
        if what.hasPrefix("directives") { return "leave the line out" }
        if what.hasPrefix("a second document") { return "put everything into one document" }
        if what.hasPrefix("a key must be") { return "write `key: value`" }
        if what.contains("token") {
            return "indent with spaces, not tabs, and quote a value that begins with @ ` % or *"
        }
        return "check the indentation, quotes and brackets on this line and the one above"
    }
}
