// A route's limits and time-outs as the request path needs them: plain numbers, converted once when a
// snapshot is adopted, copied into an exchange when it begins. So what is in flight keeps the terms
// that it began with.

import Configuration
import HTTP
import Values

/// Nanoseconds, and octets.
struct Terms {
    var tlsHandshake: Int64
    var requestHead: Int64
    var requestContent: Int64
    var keepAlive: Int64
    var connect: Int64
    var responseStart: Int64
    var responseIdle: Int64
    var clientWrite: Int64
    var upstreamWrite: Int64
    /// For a whole exchange; `.max` where there is no limit.
    var request: Int64
    var upgradedIdle: Int64
    var upstreamIdle: Int64
    var contentOctetsMax: UInt64
    /// Octets a second; 0 where there is no limit.
    var minimumRate: UInt64

    init(_ timeouts: Timeouts, _ limits: Limits) {
        tlsHandshake = timeouts.tlsHandshake.wholeNanoseconds
        requestHead = timeouts.requestHead.wholeNanoseconds
        requestContent = timeouts.requestBody.wholeNanoseconds
        keepAlive = timeouts.keepAlive.wholeNanoseconds
        connect = timeouts.connect.wholeNanoseconds
        responseStart = timeouts.responseStart.wholeNanoseconds
        responseIdle = timeouts.responseIdle.wholeNanoseconds
        clientWrite = timeouts.clientWrite.wholeNanoseconds
        upstreamWrite = timeouts.upstreamWrite.wholeNanoseconds
        request = timeouts.request?.wholeNanoseconds ?? .max
        upgradedIdle = timeouts.upgradedIdle.wholeNanoseconds
        upstreamIdle = timeouts.upstreamIdle.wholeNanoseconds
        contentOctetsMax = limits.requestBody.map { UInt64(max(0, $0)) } ?? .max
        minimumRate = limits.minimumRate.map { UInt64(max(0, $0)) } ?? 0
    }
}

extension HTTPLimits {
    /// What a client's head may be.
    init(_ limits: Limits) {
        self.init(
            requestLineOctetsMax: limits.requestLine, headOctetsMax: limits.requestHead,
            fieldsMax: limits.requestFields)
    }
}

/// A moment and what is waited for until then, so that the log can say what passed.
struct Deadline {
    enum Waiting: String {
        case nothing
        case tlsHandshake = "tls-handshake"
        case requestHead = "request-head"
        case keepAlive = "keep-alive"
        case requestContent = "request-body"
        case clientWrite = "client-write"
        case request
        case halfClosed = "half-closed"
        case lingering
        /// Several at once, looked at every so often.
        case streams
        case upgradedIdle = "upgraded-idle"
        case connect
        case responseStart = "response-start"
        case responseIdle = "response-idle"
        case upstreamWrite = "upstream-write"
        case upstreamIdle = "upstream-idle"
        case minimumRate = "minimum-rate"
    }

    var at = MonotonicInstant.distantFuture
    var waiting = Waiting.nothing

    /// Makes it the earlier of itself and `start` plus `nanoseconds`.
    mutating func bring(_ waiting: Waiting, from start: MonotonicInstant, _ nanoseconds: Int64) {
        let moment = start.advanced(byNanoseconds: nanoseconds)
        guard moment < at else { return }
        at = moment
        self.waiting = waiting
    }
}
