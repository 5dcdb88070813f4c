import Cryptography
import Testing
import Values

@testable import Sessions

/// What an earlier version of the program has sealed, octet for octet. A change that breaks one of these
/// signs everybody out at an upgrade, or when a node is set back: then the version octet changes, and the
/// reader goes on reading the one before it for a release.
@Suite struct `What version 1 has sealed` {
    private let ring = KeyRing(checked: [
        KeyRing.Key(
            id: 0x0102_0304, created: noon, sealsFrom: noon, secret: Secret([UInt8](0..<32)))
    ])

    private func opened(_ text: String) throws -> [UInt8] {
        var plaintext: [UInt8] = []
        let opened = Sealer(ring).open(
            Array(text.utf8).span, for: .session, named: "__Host-gatehouse",
            appendingTo: &plaintext, at: noon)
        try #require(opened != nil)
        return plaintext
    }

    private func sealed(_ plaintext: [UInt8]) -> String {
        var dice = Dice(11)
        let text = Sealer(ring).seal(
            plaintext.span, for: .session, named: "__Host-gatehouse", at: noon, using: &dice)
        return String(decoding: text, as: UTF8.self)
    }

    private var handle: SessionHandle {
        var dice = Dice(12)
        return SessionHandle(
            .memory(node: "node-a", process: [UInt8](100..<116)), expires: noon + .seconds(60),
            using: &dice)
    }

    @Test func `a session in cookies opens, and is written the same today`() throws {
        let text = sealed(session().encoded())
        #expect(text == Self.sessionText)
        #expect(Session(decoding: try opened(Self.sessionText)) == session())
    }

    @Test func `a handle opens, and is written the same today`() throws {
        #expect(sealed(handle.encoded()) == Self.handleText)
        let octets = try opened(Self.handleText)
        let read = SessionHandle(decoding: octets.span)
        #expect(read == handle)
    }

    @Test func `an entry of a store opens`() throws {
        let text = Array(Self.entryText.utf8)
        let decoded = Base64URL.decode(text.span)
        let octets = try #require(decoded)
        var plaintext = OctetWriter()
        let isOpen = handle.open(octets, appendingTo: &plaintext)
        #expect(isOpen)
        let read = [UInt8](plaintext.span)
        #expect(Session(decoding: read) == session())
    }

    @Test func `every octet counts`() {
        let text = Array(Self.handleText.utf8)
        for index in text.indices {
            for bit in [UInt8(1), 2, 16] {
                var changed = text
                changed[index] ^= bit
                var plaintext: [UInt8] = []
                let opened = Sealer(ring).open(
                    changed.span, for: .session, named: "__Host-gatehouse",
                    appendingTo: &plaintext, at: noon)
                #expect(opened == nil && plaintext.isEmpty, "octet \(index), bit \(bit)")
            }
        }
    }

    @Test func `a version that is not known is as if absent`() throws {
        for version: UInt8 in [0, 2, 0x80, 0x82, 255] {
            var octets = session().encoded()
            octets[0] = version
            #expect(Session(decoding: octets) == nil)
            octets = handle.encoded()
            octets[0] = version
            let read = SessionHandle(decoding: octets.span)
            #expect(read == nil)
        }
    }

    private static let sessionText =
        "AQECAwQBnaFt8MQOZOp2KmAd4gkWWI5iL4g4F6VgTWym_c-tvDnrA2Wi8j8LAo2_OyhfA1yLoQsh7Axx"
        + "SZgsrSsD30qdjKtLZNh0kForNNnn6bh_AkAxX3kEoSxwH0uKS6G-L1iEZ11V8LEGtTmIUipfPE3OR13H"
        + "ZvLYpciy3wMDk-04MZuQ2eEHy46Ww9LBsMbqWTu0ZPfMy6dOpZ_Ru_l-ubfYUi4hRhjvsBPNsk5WtLQ-"
        + "92Dk1Nzfcol-dxcIVm1h-LjcWWOQjpRDTTtYlNvtTpHBQGKYfFc97KOQtu4HZOlgxuJuC4T-fVU2lh0s"
        + "Edcgc9IoONAeIQm8ZT4xtK00NvMJXQ1mRBFwaSYdX3IGGxmumT1YNd9BvM1vcuUcfLZ6HI_WfWQbYdTw"
        + "SH31SPUw"
    private static let handleText =
        "AQECAwQBnaFt8MQOZOp2KmAdYgpAtEQItr-gDYR-CjtY5Xvqqhjb6mpOj902npLBXbr1948MwRtoYAmW"
        + "-WPAw_FZWCBgCmshmV6I-6GyG72CxNlxmqD0txBuykAdcST_W7-k1pqFUcD8mYoATUz1bye7Ng"
    private static let entryText =
        "_3HIc2Mkl1RBD0nMN6h-eI-IlfWHTYQxoCqJuaxXnX6c8U7v5D2gg7nYhq4N16R8sFvOr06Y0atFaQuM"
        + "iMWHcgaaMaL4bQ1oHEXWfROKKyFFUQV8y5VhQRMHIMTkTe-KniHDYdBfe_7qCI9v5DmvR6ihOMvohcmW"
        + "Viw3EvSe0kGyaPz4uBYT9KRWCPoN7DcQv6Qk_qdHLC4U4i6kIrJeXgnWOLB-3trTyJqEloie4LBJMqBC"
        + "NoHuDU-eVUC3KbhzBn5nZxIW25UVtnYz44sXDLb4BFCOF__BdMe7QucCq5aZMCn9Llh6I4OkXz_ig33-"
        + "9UOkLUHYxbJMYs6fMwMCuzmDU66XCNBnyDMp5-G0jcXIy66rRkwPC31ZHNs84YdkhA6SuhIygbzjBym1"
}
