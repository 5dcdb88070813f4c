// What is read, where each node is said to stand, and what is refused.

import Testing

@testable import YAML

@Suite struct `YAML nodes and their places` {
    @Test func `a mapping keeps order, marks and quoting`() throws {
        let root = try YAML.parse(Array("# note\na: 1\nb:\n  - x\n  - 'y'\nc: {d: }\n".utf8))
        let expected = YAMLNode.mapping(
            [
                YAMLEntry(key: "a", keyMark: at(2, 1), value: plain("1", 2, 4)),
                YAMLEntry(
                    key: "b", keyMark: at(3, 1),
                    value: .sequence(
                        [plain("x", 4, 5), .scalar("y", style: .quoted, mark: at(5, 5))],
                        mark: at(4, 3))),
                YAMLEntry(
                    key: "c", keyMark: at(6, 1),
                    value: .mapping(
                        [YAMLEntry(key: "d", keyMark: at(6, 5), value: plain("", 6, 8))],
                        mark: at(6, 4))),
            ], mark: at(2, 1))
        #expect(root == expected)
    }

    @Test(arguments: ["", "# only a note\n", "---\n"])
    func `a file without content has no entries`(_ text: String) {
        let document = YAML.read(Array(text.utf8))
        #expect(document.faults == [])
        #expect(document.root?.isNull ?? true)
    }

    @Test func `null is null only where it is plain`() throws {
        for (text, isNull) in [("null", true), ("~", true), ("'null'", false), ("nil", false)] {
            #expect(try YAML.parse(Array(text.utf8)).isNull == isNull, "\(text)")
        }
    }

    @Test func `columns count characters, not octets`() throws {
        let root = try YAML.parse(Array("{é: ü, z: 1}".utf8))
        guard case .mapping(let entries, _) = root else { return #expect(Bool(false)) }
        #expect(entries.map(\.keyMark) == [at(1, 2), at(1, 8)])
    }

    struct Refusal: Sendable {
        let text: String
        let faults: [YAMLFault]
        init(_ text: String, about key: String? = nil, _ faults: (Int, Int, String)...) {
            self.text = text
            self.faults = faults.map { YAMLFault(mark: at($0.0, $0.1), what: $0.2, key: key) }
        }
    }

    static let refusals = [
        Refusal("a: 1\na: 2\n", about: "a", (2, 1, "the key \"a\" is already on line 1")),
        Refusal(
            "a: &x 1\nb: *x\nc: !!str 2\n", (1, 4, "anchors (&) are not read here"),
            (2, 4, "aliases (*x) are not read here"), (3, 4, "tags (!) are not read here")),
        Refusal("a: 1\n---\nb: 2\n", (2, 1, "a second document (---) begins here")),
        Refusal("%YAML 1.1\n---\nb: 2\n", (1, 1, "directives (%) are not read here")),
        Refusal("[x]: 1\n", (1, 1, "a key must be a word, not a list or a mapping")),
        Refusal(
            "a: [1, 2\nb: 3\n",
            (2, 2, "while parsing a flow sequence, did not find expected ',' or ']'")),
        Refusal(
            "a:\n\tb: 1\n",
            (2, 1, "while scanning for the next token, found character that cannot start any token")
        ),
        Refusal("a: \"x\u{7}\"\n", (1, 6, "control characters are not allowed")),
    ]

    @Test(arguments: refusals) func `each ambiguity is refused at its place`(_ row: Refusal) {
        #expect(YAML.read(Array(row.text.utf8)).faults == row.faults)
    }

    @Test func `an octet that is not UTF-8 is named where it stands`() {
        let faults = YAML.read(Array("a: 1\nb: ".utf8) + [0xFF, 0x0A]).faults
        #expect(faults == [YAMLFault(mark: at(2, 4), what: "an octet here is not UTF-8 text")])
    }

    @Test func `UTF-16 is refused`() {
        #expect(YAML.read([0xFF, 0xFE, 0x61, 0x00]).faults.count == 1)
    }

    @Test(arguments: [(31, true), (32, true), (33, false)])
    func `nesting ends at thirty-two levels`(depth: Int, isRead: Bool) {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(YAML.read(Array(text.utf8)).faults.isEmpty == isRead)
    }

    @Test(arguments: [(0, true), (1, false)])
    func `a file ends at its largest size`(over: Int, isRead: Bool) {
        let text = "#" + String(repeating: "x", count: YAML.octetsMax - 1 + over)
        #expect(YAML.read(Array(text.utf8)).faults.isEmpty == isRead)
    }

    @Test func `every beginning of a file is read or refused, never a trap`() {
        let whole = Array("a: {b: [1, 'two', \"th\\u00e9\"]}\nc: |\n  text\nd: &e *e\n".utf8)
        for count in 0...whole.count { _ = YAML.read(Array(whole[..<count])) }
        for index in whole.indices {
            for bit in 0..<8 {
                var flipped = whole
                flipped[index] ^= 1 << bit
                _ = YAML.read(flipped)  // that it returns is what is tested
            }
        }
    }
}

private func at(_ line: Int, _ column: Int) -> Mark { Mark(line: line, column: column) }

private func plain(_ text: String, _ line: Int, _ column: Int) -> YAMLNode {
    .scalar(text, style: .plain, mark: at(line, column))
}
