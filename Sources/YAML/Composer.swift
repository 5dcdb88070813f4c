// Events of the grammar become a tree of nodes.
//
// A stack of open collections instead of recursion: its depth is bounded by a count, never by the
// thread's stack. What YAML allows and we do not is noted as a fault and read past.

/// What the grammar reported, and where it began.
struct Event {
    enum Kind {
        case documentStart(directives: Bool)
        case documentEnd
        case alias(String)
        case scalar(String, ScalarStyle)
        case sequenceStart
        case mappingStart
        case collectionEnd
    }
    let kind: Kind
    let mark: Mark
    var hasAnchor = false
    var hasTag = false
}

struct Composer {
    private var root: YAMLNode?
    private var faults: [YAMLFault] = []
    private var open: [Collection] = []
    private var documents = 0

    var document: YAMLDocument { YAMLDocument(root: root, faults: faults) }

    /// A collection whose end has not come.
    private enum Collection {
        case sequence([YAMLNode], Mark)
        case mapping([YAMLEntry], awaiting: Key?, Mark)
    }

    private struct Key {
        let text: String
        let mark: Mark
        /// A key that was refused is still given its value, which is then dropped with it.
        let isKept: Bool
    }

    mutating func take(_ event: Event) throws(YAMLFault) {
        if event.hasAnchor { fault(event.mark, "anchors (&) are not read here") }
        if event.hasTag { fault(event.mark, "tags (!) are not read here") }
        switch event.kind {
        case .documentStart(let directives):
            documents += 1
            if directives { fault(event.mark, "directives (%) are not read here") }
            if documents > 1 {
                throw YAMLFault(mark: event.mark, what: "a second document (---) begins here")
            }
        case .documentEnd: break
        case .alias(let name):
            fault(event.mark, "aliases (*\(name)) are not read here")
            add(.scalar("", style: .plain, mark: event.mark))
        case .scalar(let text, let style): add(.scalar(text, style: style, mark: event.mark))
        case .sequenceStart: try push(.sequence([], event.mark), event.mark)
        case .mappingStart: try push(.mapping([], awaiting: nil, event.mark), event.mark)
        case .collectionEnd:
            switch open.popLast() {
            case .sequence(let nodes, let mark): add(.sequence(nodes, mark: mark))
            case .mapping(let entries, _, let mark): add(.mapping(entries, mark: mark))
            case nil: break  // the grammar pairs ends with starts
            }
        }
    }

    private mutating func push(_ collection: Collection, _ mark: Mark) throws(YAMLFault) {
        guard open.count < YAML.depthMax else {
            throw YAMLFault(mark: mark, what: "more than \(YAML.depthMax) levels are nested here")
        }
        open.append(collection)
    }

    /// Puts a finished node where it belongs: at the root, in a sequence, as a key or as a value.
    private mutating func add(_ node: YAMLNode) {
        switch open.popLast() {
        case nil: root = node
        case .sequence(var nodes, let mark):
            nodes.append(node)
            open.append(.sequence(nodes, mark))
        case .mapping(let entries, nil, let mark):
            let key = key(node, among: entries)
            open.append(.mapping(entries, awaiting: key, mark))
        case .mapping(var entries, let key?, let mark):
            if key.isKept {
                entries.append(YAMLEntry(key: key.text, keyMark: key.mark, value: node))
            }
            open.append(.mapping(entries, awaiting: nil, mark))
        }
    }

    private mutating func key(_ node: YAMLNode, among entries: [YAMLEntry]) -> Key {
        guard case .scalar(let text, _, let mark) = node else {
            fault(node.mark, "a key must be a word, not a list or a mapping")
            return Key(text: "", mark: node.mark, isKept: false)
        }
        if let first = entries.first(where: { $0.key == text }) {
            faults.append(
                YAMLFault(
                    mark: mark,
                    what: "the key \"\(text)\" is already on line \(first.keyMark.line)", key: text)
            )
            return Key(text: text, mark: mark, isKept: false)
        }
        return Key(text: text, mark: mark, isKept: true)
    }

    private mutating func fault(_ mark: Mark, _ what: String) {
        faults.append(YAMLFault(mark: mark, what: what))
    }
}
