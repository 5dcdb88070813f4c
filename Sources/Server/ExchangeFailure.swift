// What can go wrong with an exchange after its head was read, whose fault it is, and what the client
// is told: the status says who failed (4xx the client, 502 the upstream's answer, 503 nobody there,
// 504 nothing in time).

import HTTP

enum ExchangeFailure {
    // The client's.
    case requestContentTooLong
    case requestContentMalformed(ContentFault)
    case requestContentTimedOut
    case requestContentTooSlow
    // The upstream's.
    case unreachable(String)
    case untrusted(String)
    case noServer
    case connectTimedOut
    case responseStartTimedOut
    case responseIdleTimedOut
    case upstreamWriteTimedOut
    case upstreamTooSlow
    case badAnswer(String)
    /// The connection ended before, or within, the answer.
    case cutByUpstream(String)
    // Ours.
    case exchangeTimedOut
    case memoryExhausted
    case verdictMissing

    var status: Int {
        switch self {
        case .requestContentTooLong: 413
        case .requestContentMalformed(let fault): fault.status
        case .requestContentTimedOut, .requestContentTooSlow: 408
        case .unreachable, .untrusted, .badAnswer, .cutByUpstream: 502
        case .noServer, .memoryExhausted: 503
        case .connectTimedOut, .responseStartTimedOut, .responseIdleTimedOut,
            .upstreamWriteTimedOut, .upstreamTooSlow, .exchangeTimedOut:
            504
        case .verdictMissing: 500
        }
    }

    /// Stable: it stands on the page and in the log.
    var code: String {
        switch self {
        case .requestContentTooLong: "request-content-too-long"
        case .requestContentMalformed(let fault): fault.code
        case .requestContentTimedOut: "request-content-timeout"
        case .requestContentTooSlow: "request-content-too-slow"
        case .unreachable: "upstream-unreachable"
        case .untrusted: "upstream-untrusted"
        case .noServer: "upstream-unavailable"
        case .connectTimedOut: "upstream-connect-timeout"
        case .responseStartTimedOut: "upstream-response-timeout"
        case .responseIdleTimedOut: "upstream-idle-timeout"
        case .upstreamWriteTimedOut: "upstream-write-timeout"
        case .upstreamTooSlow: "upstream-too-slow"
        case .badAnswer: "bad-upstream-answer"
        case .cutByUpstream: "upstream-cut"
        case .exchangeTimedOut: "request-timeout"
        case .memoryExhausted: "memory-exhausted"
        case .verdictMissing: "internal"
        }
    }

    /// What the client reads: nothing of hosts, addresses or what the upstream wrote.
    var sentence: String {
        switch self {
        case .requestContentTooLong: "The request's content is longer than the limit allows."
        case .requestContentMalformed(let fault): fault.sentence
        case .requestContentTimedOut, .requestContentTooSlow:
            "The request's content did not arrive in time."
        case .unreachable, .untrusted: "The site behind this gateway cannot be reached."
        case .noServer: "The site behind this gateway is not available."
        case .connectTimedOut, .responseStartTimedOut, .responseIdleTimedOut,
            .upstreamWriteTimedOut, .upstreamTooSlow:
            "The site behind this gateway did not answer in time."
        case .badAnswer: "The site behind this gateway gave an answer that cannot be passed on."
        case .cutByUpstream: "The site behind this gateway ended the connection before its answer."
        case .memoryExhausted: "The gateway has no room for more requests at the moment."
        case .exchangeTimedOut: "The request took longer than the limit allows."
        case .verdictMissing: "The gateway could not decide about this request."
        }
    }

    /// What the log says beside the code: for the person on call alone.
    var detail: String? {
        switch self {
        case .unreachable(let text), .untrusted(let text), .badAnswer(let text),
            .cutByUpstream(let text):
            text
        default: nil
        }
    }

    var isUpstreams: Bool {
        switch self {
        case .unreachable, .untrusted, .noServer, .connectTimedOut, .responseStartTimedOut,
            .responseIdleTimedOut, .upstreamWriteTimedOut, .upstreamTooSlow, .badAnswer,
            .cutByUpstream:
            true
        case .requestContentTooLong, .requestContentMalformed, .requestContentTimedOut,
            .requestContentTooSlow, .exchangeTimedOut, .memoryExhausted, .verdictMissing:
            false
        }
    }

    /// Whether where the request ends is not known any more, or should not be waited for.
    var closes: Bool {
        switch self {
        case .requestContentMalformed, .requestContentTimedOut, .requestContentTooSlow,
            .exchangeTimedOut:
            true
        default: false
        }
    }
}
