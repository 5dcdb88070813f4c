// Sealing: the published vectors, and that nothing changed ever opens.

import Cryptography
import Testing

@Suite struct `AES-256-GCM, the vectors of McGrew and Viega` {
    struct Row: Sendable {
        let key: String, nonce: String, plaintext: String, additional: String, sealed: String
    }
    static let rows: [Row] = [
        Row(
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12),
            plaintext: "", additional: "", sealed: "530f8afbc74536b9a963b4f1c4cb738b"),
        Row(
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12),
            plaintext: String(repeating: "00", count: 16), additional: "",
            sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        Row(
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            additional: "",
            sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                + "b094dac5d93471bdec1a502270e3cc6c"),
        Row(
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            additional: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b"),
    ]

    @Test(arguments: rows) func `each is sealed and opened`(_ row: Row) {
        let key = AEADKey(hex(row.key).span)
        let nonce = hex(row.nonce), additional = hex(row.additional), plaintext = hex(row.plaintext)
        // Twice with the one key: nothing of the first time may remain. Behind other octets: appended.
        for _ in 0..<2 {
            var sealed: [UInt8] = [1, 2]
            key.seal(
                plaintext.span, nonce: nonce.span, authenticating: additional.span,
                appendingTo: &sealed)
            #expect(sealed == [1, 2] + hex(row.sealed))
            var opened: [UInt8] = [3]
            let text = Array(sealed.dropFirst(2))
            let isOpen = key.open(
                text.span, nonce: nonce.span, authenticating: additional.span, appendingTo: &opened)
            #expect(isOpen)
            #expect(opened == [3] + plaintext)
        }
    }
}

@Suite struct `What was sealed` {
    let key = AEADKey(Secret(RandomOctets.make(32)))
    let nonce = RandomOctets.make(12)
    let additional = octets("session")
    let plaintext = octets("a session of some length, not a multiple of sixteen")

    private var sealed: [UInt8] {
        var sealed: [UInt8] = []
        key.seal(
            plaintext.span, nonce: nonce.span, authenticating: additional.span, appendingTo: &sealed
        )
        return sealed
    }
    private func open(
        _ sealed: [UInt8], nonce: [UInt8]? = nil, additional: [UInt8]? = nil,
        with other: AEADKey? = nil
    ) -> [UInt8]? {
        var opened = octets("before")
        let nonce = nonce ?? self.nonce, additional = additional ?? self.additional
        let isOpen = (other ?? key).open(
            sealed.span, nonce: nonce.span, authenticating: additional.span, appendingTo: &opened)
        if !isOpen { #expect(opened == octets("before"), "a refusal appends nothing") }
        return isOpen ? Array(opened.dropFirst(6)) : nil
    }

    @Test func `is longer by the tag, and opens again`() {
        #expect(sealed.count == plaintext.count + 16)
        #expect(open(sealed) == plaintext)
    }

    @Test func `does not open with any bit flipped`() {
        let sealed = sealed
        for bit in 0..<sealed.count * 8 { #expect(open(sealed.flipping(bit: bit)) == nil) }
        for bit in 0..<96 { #expect(open(sealed, nonce: nonce.flipping(bit: bit)) == nil) }
        #expect(open(sealed) == plaintext, "and a refusal leaves the key as it was")
    }

    @Test func `does not open cut anywhere, or longer`() {
        let sealed = sealed
        for count in 0..<sealed.count { #expect(open(Array(sealed.prefix(count))) == nil) }
        #expect(open(sealed + [0]) == nil)
    }

    @Test func `does not open as anything else, nor with another key or a nonce of another length`()
    {
        #expect(open(sealed, additional: octets("login")) == nil)
        #expect(open(sealed, additional: []) == nil)
        #expect(open(sealed, with: AEADKey(Secret(RandomOctets.make(32)))) == nil)
        for count in [0, 8, 11, 13, 16] {
            #expect(open(sealed, nonce: [UInt8](repeating: 0, count: count)) == nil)
        }
    }
}

extension AEADKey {
    fileprivate func open(
        _ sealed: Span<UInt8>, nonce: Span<UInt8>, authenticating additional: Span<UInt8>,
        appendingTo plaintext: inout [UInt8]
    ) -> Bool {
        var isOpen = false
        plaintext.append(addingCapacity: sealed.count) { output in
            isOpen = open(sealed, nonce: nonce, authenticating: additional, into: &output)
        }
        return isOpen
    }
}
