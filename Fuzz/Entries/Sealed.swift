// What cookies hold: texts that nobody but us can have made, and what stands in them.
//
// Behind the seal any plaintext is tried too, since an older or newer gateway may have sealed it.
import Cryptography
import Sessions
import Values

extension Entry {
    static let keyFiles = Entry("key-files") { octets in
        guard let ring = try? KeyRing(parsing: octets) else { return }
        try hold(!ring.keys.isEmpty, "a ring without a key")
        var dice = Dice()
        let rotated = try? KeyRing.rotated(
            octets, at: House.noon, sealAfter: .seconds(60), keep: .seconds(3600), using: &dice)
        if let rotated { _ = try KeyRing(parsing: rotated) }
    }

    /// As a text it opens nothing; as a plaintext it comes back, and no changed octet is overlooked.
    static let sealed = Entry("sealed", octetsMax: 1024) { octets in
        let sealer = Sealer(House.ring)
        var dice = Dice()
        for purpose in Purpose.allCases {
            var plaintext: [UInt8] = []
            let opened = sealer.open(
                octets.span, for: purpose, named: "n", appendingTo: &plaintext, at: House.noon)
            try hold(opened != nil || plaintext.isEmpty, "refused, and yet something came out")
            plaintext = []
            var text = sealer.seal(
                octets.span, for: purpose, named: "n", at: House.noon, using: &dice)
            let own = sealer.open(
                text.span, for: purpose, named: "n", appendingTo: &plaintext, at: House.noon)
            try hold(own != nil && plaintext == octets, "what was sealed did not come back")
            let place = octets.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xffff } % text.count
            text[place] = text[place] == 0x41 ? 0x42 : 0x41
            let changed = sealer.open(
                text.span, for: purpose, named: "n", appendingTo: &plaintext, at: House.noon)
            try hold(changed == nil, "a changed text opens")
        }
    }

    /// A session's plaintext: what parses, encodes to the same session.
    static let sessions = Entry("sessions", octetsMax: 2048) { octets in
        var view = SessionView()
        guard view.parse(octets) else {
            try hold(Session(decoding: octets) == nil, "the view refuses what the session reads")
            return
        }
        var token = OctetWriter()
        view.appendAccessToken(for: nil, to: &token)
        _ = view.isBound(to: Array(octets.prefix(16)))
        for claim in view.claims {
            for index in claim.values { _ = octets[view.valueRanges[index]] }
        }
        guard let session = view.session() else { return }
        try hold(Session(decoding: session.encoded()) == session, "\(session) differs")
    }

    /// What a login left with the browser, and the `state` it brings back.
    static let logins = Entry("logins", octetsMax: 1024) { octets in
        if let attempt = LoginAttempt(decoding: octets) {
            let again = LoginAttempt(decoding: attempt.encoded())
            try hold(again == attempt, "\(attempt) differs")
            _ = attempt.isOverdue(at: House.noon, after: .seconds(600))
        }
        let sealer = Sealer(House.ring)
        var dice = Dice()
        let text = sealer.seal(
            octets.span, for: .state, named: "state", at: House.noon, using: &dice)
        for text in [text, octets] {
            let state = LoginState(
                opening: String(decoding: text, as: UTF8.self), with: sealer, at: House.noon)
            guard let state else { continue }
            let sealed = state.sealed(by: sealer, at: House.noon, using: &dice)
            let again = LoginState(opening: sealed, with: sealer, at: House.noon)
            try hold(again == state, "\(state) differs")
        }
        _ = LoginID(String(decoding: octets, as: UTF8.self))
    }
}
