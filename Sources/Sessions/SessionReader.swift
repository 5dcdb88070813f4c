// From a request's Cookie fields to an opened session, with every request, without allocating.
//
// Only the exact octets of a name count (RFC 6265bis §5.7 makes prefixes the browser's promise, not
// ours): no folding, no unquoting, no decoding. Of cookies of one name the first to open wins, so
// that one planted by a sibling host does not lock the visitor out; at most four are tried.

package import HTTP
package import Values

package struct SessionReader: ~Copyable {
    private let sealer: Sealer
    private var pieces = CookiePieces()
    private var joined = OctetWriter()
    private var scratch = Sealer.Scratch()

    package init(_ sealer: Sealer) { self.sealer = sealer }

    /// Which of the session's cookies the last request read brought, opened or not.
    package var present: SessionCookies.Pieces { pieces.present }

    /// Finds, opens and parses the session that `cookies` names. `brought` was read from `octets`.
    package mutating func read(
        _ cookies: borrowing SessionCookies, in brought: borrowing RequestCookies,
        _ octets: Span<UInt8>, into view: inout SessionView, at now: UnixTime
    ) -> SessionReading {
        pieces.find(cookies.nameOctets.span, in: brought.pairs.span, octets)
        guard !pieces.present.isEmpty else { return .absent }
        for attempt in 0..<pieces.attempts {
            guard let count = declaredCount(attempt, octets), pieces.hasFirst(count) else {
                continue
            }
            let opened: Sealer.Opened?
            view.octets.removeAll()
            if count == 1 {
                let text = octets.extracting(pieces[0, attempt])
                opened = sealer.open(
                    text, for: .session, named: cookies.name, appendingTo: &view.octets, at: now,
                    in: &scratch)
            } else {
                joined.removeAll()
                // Cut where we cut, and nowhere else: one session has one set of cookies.
                let most = SessionCookies.valueOctetsMax(named: cookies.name)
                var isCutAsOurs = true
                for index in 0..<count {
                    let piece = pieces[index, attempt]
                    isCutAsOurs = isCutAsOurs && (index == count - 1 || piece.count == most)
                    joined.append(contentsOf: octets.extracting(piece))
                }
                guard isCutAsOurs else { continue }
                opened = Self.open(
                    joined, with: sealer, named: cookies.name, appendingTo: &view.octets, at: now,
                    in: &scratch)
            }
            guard let opened else { continue }
            view.handle = nil
            if SessionHandle.isOne(view.octets.span) {
                view.handle = SessionHandle(decoding: view.octets.span)
                if view.handle != nil { return .kept(keyIsRetired: opened.keyIsRetired) }
            } else if view.parse() {
                return .opened(keyIsRetired: opened.keyIsRetired)
            }
        }
        return .unreadable
    }

    private static func open(
        _ joined: borrowing OctetWriter, with sealer: Sealer, named name: String,
        appendingTo plaintext: inout OctetWriter, at now: UnixTime,
        in scratch: inout Sealer.Scratch
    ) -> Sealer.Opened? {
        sealer.open(
            joined.span, for: .session, named: name, appendingTo: &plaintext, at: now, in: &scratch)
    }

    /// How many pieces the first one says there are. A lie is found out when the whole is opened.
    private func declaredCount(_ attempt: Int, _ octets: Span<UInt8>) -> Int? {
        guard pieces.hasFirst(1) else { return nil }
        // Octets 3, 4 and 5: the number of pieces is the last of them.
        guard let group = Base64URL.group(of: octets.extracting(pieces[0, attempt]), at: 4)
        else { return nil }
        let count = Int(group & 0xFF)
        return (1...SessionCookies.piecesMax).contains(count) ? count : nil
    }
}

/// Where the pieces' values lie in a request's octets.
struct CookiePieces {
    private(set) var present: SessionCookies.Pieces = []
    private var counts = [Int](repeating: 0, count: SessionCookies.piecesMax)
    private var ranges = [Range<Int>](
        repeating: 0..<0, count: SessionCookies.piecesMax * SessionCookies.duplicatesMax)

    /// How many ways of putting the pieces together are tried.
    var attempts: Int { counts.reduce(0, max) }

    func hasFirst(_ count: Int) -> Bool {
        for index in 0..<count where counts[index] == 0 { return false }
        return true
    }

    /// The n-th cookie of the piece's name, or the last where there are fewer: whether one name or
    /// all of them were sent twice, some attempt has the right ones together.
    subscript(index: Int, attempt: Int) -> Range<Int> {
        ranges[index * SessionCookies.duplicatesMax + min(attempt, counts[index] - 1)]
    }

    mutating func find(
        _ wanted: Span<UInt8>, in pairs: Span<RequestCookies.Pair>, _ octets: Span<UInt8>
    ) {
        present = []
        for index in counts.indices { counts[index] = 0 }
        for place in pairs.indices {
            let pair = pairs[place]
            guard let index = Self.index(of: octets.extracting(pair.name.range), wanted) else {
                continue
            }
            add(pair.value.range, to: index)
        }
    }

    private mutating func add(_ value: Range<Int>, to index: Int) {
        present.insert(.piece(index))
        guard counts[index] < SessionCookies.duplicatesMax else { return }
        ranges[index * SessionCookies.duplicatesMax + counts[index]] = value
        counts[index] += 1
    }

    /// 0 for the name itself, 1…7 for `.1` … `.7` behind it.
    private static func index(of name: Span<UInt8>, _ wanted: Span<UInt8>) -> Int? {
        guard name.count == wanted.count || name.count == wanted.count + 2 else { return nil }
        guard OctetText.equals(name.extracting(0..<wanted.count), wanted) else { return nil }
        guard name.count > wanted.count else { return 0 }
        let digit = name[wanted.count + 1]
        guard name[wanted.count] == UInt8(ascii: "."),
            (UInt8(ascii: "1")...UInt8(ascii: "7")).contains(digit)
        else { return nil }
        return Int(digit - UInt8(ascii: "0"))
    }
}
