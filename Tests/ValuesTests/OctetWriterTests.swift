// Octets written piece by piece: what an array would have, in one owner's memory.
import Testing
import Values

@Suite struct `A writer of octets` {
    @Test func `holds what was appended, through every growth`() {
        var writer = OctetWriter(capacity: 1)
        var expected: [UInt8] = []
        for round in 0..<40 {
            let piece = [UInt8](repeating: UInt8(round), count: round * 7)
            writer.append(contentsOf: piece.span)
            writer.append("\r\n")
            writer.append(UInt8(round))
            writer.append(contentsOf: piece)
            expected += piece + [13, 10, UInt8(round)] + piece
            let written = [UInt8](writer.span)
            #expect(written == expected)
        }
        let count = writer.count
        #expect(count == expected.count)
    }

    @Test func `can be shortened and used again`() {
        var writer = OctetWriter()
        writer.append("kept, dropped")
        writer.removeAll(behind: 4)
        writer.append(" and more")
        let text = writer.text
        #expect(text == "kept and more")
        writer.append(again: 5..<8)
        let repeated = writer.text
        #expect(repeated == "kept and moreand")
        writer.removeAll()
        let isEmpty = writer.isEmpty
        #expect(isEmpty)
        writer.append("")
        writer.append(contentsOf: [])
        let left = [UInt8](writer.span)
        #expect(left.isEmpty)
    }

    @Test func `takes no more from a body than it wrote`() {
        var writer = OctetWriter(capacity: 1)
        writer.append(addingCapacity: 1000) { output in
            for octet in UInt8.min..<100 { output.append(octet) }
        }
        let written = [UInt8](writer.span)
        #expect(written == [UInt8](0..<100))
    }

    static let numbers: [(UInt64, String)] = [
        (0, "0"), (9, "9"), (10, "10"), (65535, "65535"), (.max, "18446744073709551615"),
    ]

    @Test(arguments: numbers) func `writes numbers in decimal`(_ number: UInt64, _ text: String) {
        var writer = OctetWriter()
        writer.append(decimal: number)
        let written = writer.text
        #expect(written == text)
        var array: [UInt8] = []
        array.append(decimal: number)
        #expect(array == [UInt8](utf8: text))
    }

    @Test(arguments: ["0.0.0.0", "255.255.255.255", "10.9.100.1", "::1", "2001:db8::a:1"])
    func `writes an address as it is described`(_ text: String) throws {
        let address = try #require(IPAddress(parsing: text))
        var writer = OctetWriter()
        writer.append(address)
        let written = writer.text
        #expect(written == text)
        #expect(address.description == text)
    }
}

@Suite struct `Octets that stand as they are in a field` {
    @Test func `end at the first that does not, in every place and length`() {
        for count in 0...50 {
            let plain = [UInt8](repeating: UInt8(ascii: "a"), count: count)
            #expect(OctetText.plainEnd(of: plain.span, from: 0) == count)
            for place in plain.indices {
                for octet in UInt8.min ... .max {
                    var text = plain
                    text[place] = octet
                    let stays = (0x20...0x7e).contains(octet) && octet != 0x25 && octet != 0x2c
                    let end = OctetText.plainEnd(of: text.span, from: 0)
                    if end != (stays ? count : place) {
                        Issue.record("\(octet) in place \(place) of \(count)")
                    }
                    let behind = OctetText.plainEnd(of: text.span, from: place + 1)
                    if behind != count { Issue.record("behind place \(place) of \(count)") }
                }
            }
        }
    }
}
