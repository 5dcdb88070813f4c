// The front of the HTTP/2 room: what a session is told, what it reports, and what it refuses.
//
// RFC 9113 and RFC 7541 are nghttp2's; whose stream is answered with what is the server's. In between
// stand the rules that the library leaves to its user: how much a field list may hold, how much a peer
// may ask of us without having done anything (`FrameBudget`), and what a field list is in HTTP/1.1's
// spelling, which is the house's one spelling of a head (`HeadSpelling`).

package import HTTP

package enum HTTP2Role: Sendable {
    /// Peers begin streams; requests come and answers go.
    case server
    case client
}

/// What a session holds its peer to.
package struct HTTP2Terms: Sendable {
    /// Streams that the peer may have open at a time; announced, and refused past it.
    package var streamsMax: UInt32 = 100
    /// How much content of one stream, and of all together, may wait here: the flow-control windows.
    package var streamWindowOctets: Int32 = 131_072
    package var connectionWindowOctets: Int32 = 524_288
    /// Of a head in HTTP/1.1's spelling; announced as SETTINGS_MAX_HEADER_LIST_SIZE.
    package var headOctetsMax: Int
    /// Cookie crumbs count as one field.
    package var fieldsMax: Int
    /// How a request for a WebSocket is passed on: with this key (RFC 6455 §4.1), 16 octets in base64.
    package var webSocketKey: [UInt8]

    package init(
        headOctetsMax: Int, fieldsMax: Int,
        webSocketKey: [UInt8] = Array("AAAAAAAAAAAAAAAAAAAAAA==".utf8)
    ) {
        self.headOctetsMax = headOctetsMax
        self.fieldsMax = fieldsMax
        self.webSocketKey = webSocketKey
    }
}

/// One stream of a session. The place is a small number of its own while the stream is open, for
/// whoever keeps something beside each stream.
package struct HTTP2Stream: Equatable, Sendable {
    package let number: Int32
    package let place: Int

    package init(number: Int32, place: Int) {
        self.number = number
        self.place = place
    }
}

/// What has happened, in order. After `closed` nothing more is said of a stream, and its place is free.
package enum HTTP2Event: Equatable, Sendable {
    /// A request's head, or an answer's (interim ones too), stands in `head`.
    /// `isLast`: no content follows.
    case head(HTTP2Stream, isLast: Bool)
    /// A request whose head can be answered with `fault.status` alone.
    case refused(HTTP2Stream, RequestFault)
    /// Content, by where it stands in the octets that were received. Say `consume` when it has been
    /// taken, so that the peer may send as much again.
    case content(HTTP2Stream, Range<Int>)
    /// The end of the content.
    case ended(HTTP2Stream)
    /// The end of the content, with trailers, which stand in `trailers` as field lines.
    case trailers(HTTP2Stream)
    /// The stream is over, by both sides' end or by either side's reset.
    case closed(HTTP2Stream, HTTP2Code)
    /// The peer's settings have come.
    case settings
    /// The peer has answered our PING.
    case pong
    /// The peer begins no more streams, or takes none past `lastStream` (RFC 9113 §6.8).
    case goneAway(lastStream: Int32)
}

/// RFC 9113 §7; what the section does not list stands as it came.
package struct HTTP2Code: RawRepresentable, Equatable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noError = HTTP2Code(rawValue: 0)
    package static let protocolError = HTTP2Code(rawValue: 1)
    package static let internalError = HTTP2Code(rawValue: 2)
    package static let settingsTimeout = HTTP2Code(rawValue: 4)
    package static let streamClosed = HTTP2Code(rawValue: 5)
    package static let refusedStream = HTTP2Code(rawValue: 7)
    package static let cancel = HTTP2Code(rawValue: 8)
    package static let enhanceYourCalm = HTTP2Code(rawValue: 11)
}

/// Why a session cannot go on. What is still to be sent (a GOAWAY) says it to the peer.
package enum HTTP2Fault: Error, Equatable, Sendable {
    /// The peer asks for more work than its requests account for.
    case tooMuch(String)
    /// It does not speak HTTP/2, or the library gives up.
    case broken(HTTP2Code, String)
}

/// What a client that knows to speak HTTP/2 begins with (RFC 9113 §3.4).
package enum HTTP2Preface {
    package static let octets = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Whether the octets begin with it; `nil` while they are too few to tell.
    package static func begins(_ received: Span<UInt8>) -> Bool? {
        let preface = octets
        let count = min(received.count, preface.count)
        for index in 0..<count where received[index] != preface[index] { return false }
        return count == preface.count ? true : nil
    }
}
