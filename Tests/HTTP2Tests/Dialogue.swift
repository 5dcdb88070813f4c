// A client's session and a server's, with the octets between them at hand; and frames written by hand
// for what no honest session would send.
import HTTP
import Testing
import Values

@testable import HTTP2

let start = MonotonicInstant(nanoseconds: 1_000_000_000)

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A frame as RFC 9113 §4.1 has it.
func frame(
    _ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
) -> [UInt8] {
    var octets = number(UInt32(payload.count))
    octets.removeFirst()
    octets += [type, flags]
    octets += number(stream)
    return octets + payload
}

private func number(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
}

/// Literal fields without indexing (RFC 7541 §6.2.2), names and values below 127 octets.
func block(_ fields: [(String, String)]) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in fields {
        block.append(0)
        for text in [name, value] {
            block.append(UInt8(text.utf8.count))
            block += text.utf8
        }
    }
    return block
}

let pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/x"), (":authority", "a.test")]

/// A request's HEADERS, whole and last.
func request(_ stream: UInt32, _ more: [(String, String)] = [], ends: Bool = true) -> [UInt8] {
    frame(0x1, flags: ends ? 0x5 : 0x4, stream: stream, block(pseudo + more))
}

let opening = HTTP2Preface.octets + frame(0x4)

/// What a session reported, in words, with the heads and contents that its events speak of.
struct Told: Equatable, CustomStringConvertible {
    var lines: [String] = []
    var fault: HTTP2Fault?
    var description: String { lines.joined(separator: "\n") + (fault.map { "\n\($0)" } ?? "") }
}

/// Feeds a session in pieces; what it says must not depend on them. Content is joined, since where it
/// was cut shows in it by design.
func feed(_ session: HTTP2Session, _ pieces: [ArraySlice<UInt8>]) -> Told {
    var told = Told()
    var contents: [Int32: [UInt8]] = [:]
    func flush(_ number: Int32) {
        guard let content = contents.removeValue(forKey: number) else { return }
        told.lines.append("\(number) content \(String(decoding: content, as: UTF8.self))")
    }
    for piece in pieces {
        var rest = piece
        while !rest.isEmpty {
            let octets = Array(rest)
            do throws(HTTP2Fault) {
                rest = rest.dropFirst(try session.receive(octets.span, at: start))
            } catch {
                told.fault = error
                return told
            }
            while let event = session.nextEvent() {
                switch event {
                case .head(let stream, let isLast):
                    told.lines.append(
                        "\(stream.number) head\(isLast ? " last" : "") "
                            + session.withHead { String(decoding: [UInt8]($0), as: UTF8.self) })
                case .content(let stream, let range):
                    contents[stream.number, default: []] += octets[range]
                    session.consume(range.count, of: stream)
                case .trailers(let stream):
                    flush(stream.number)
                    told.lines.append(
                        "\(stream.number) trailers "
                            + String(decoding: session.trailers, as: UTF8.self))
                case .ended(let stream):
                    flush(stream.number)
                    told.lines.append("\(stream.number) ended")
                case .refused(let stream, let fault):
                    told.lines.append("\(stream.number) refused \(fault.code)")
                case .closed(let stream, let code):
                    flush(stream.number)
                    told.lines.append("\(stream.number) closed \(code.rawValue)")
                case .settings: break
                case .pong: told.lines.append("pong")
                case .goneAway(let last): told.lines.append("gone away \(last)")
                }
            }
        }
    }
    return told
}

func server(fieldsMax: Int = 128, headOctetsMax: Int = 16_384) throws -> HTTP2Session {
    try HTTP2Session(.server, HTTP2Terms(headOctetsMax: headOctetsMax, fieldsMax: fieldsMax))
}

func sent(_ session: HTTP2Session) throws -> [UInt8] {
    var out: [UInt8] = []
    for _ in 0..<1000 {
        let before = out.count
        var more: [UInt8] = []
        try session.send(into: &more, upTo: 49_152, at: start)
        out += more
        if out.count == before { break }
    }
    return out
}

/// The types of the frames in `octets`, with the code that a reset or a goodbye carries.
func frames(_ octets: [UInt8]) -> [String] {
    var names: [String] = []
    var at = 0
    while at + 9 <= octets.count {
        let length = Int(octets[at]) << 16 | Int(octets[at + 1]) << 8 | Int(octets[at + 2])
        let payload = Array(octets[(at + 9)..<min(octets.count, at + 9 + length)])
        let name = [
            "DATA", "HEADERS", "PRIORITY", "RST", "SETTINGS", "PUSH", "PING", "GOAWAY", "WINDOW",
        ]
        let type = Int(octets[at + 3])
        var text = type < name.count ? name[type] : "\(type)"
        if type == 3, payload.count == 4 { text += " \(payload[3])" }
        if type == 7, payload.count >= 8 { text += " \(payload[7])" }
        names.append(text)
        at += 9 + length
    }
    return names
}
