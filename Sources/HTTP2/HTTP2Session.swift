// One connection's HTTP/2: octets go in frame by frame and events come out; answers go in and octets
// come out. nghttp2 keeps the protocol's state, and does no input or output of its own here.
//
// What is received is fed to the library one frame at a time, so that the events of a call are few and
// a head is read where it stands before the next one overwrites it. What is sent is pulled: content
// waits in its stream until the windows and whoever sends have room for it.

import CNGHTTP2
import HTTP
package import Values

/// `@safe`: the library's session is made in `init` and freed in `deinit`; its callbacks run only
/// during a call of a method here, on that call's thread, and pointers that they are given are not
/// kept. Not `Sendable`: it lives on its connection's loop.
@safe package final class HTTP2Session {
    package let role: HTTP2Role
    let terms: HTTP2Terms
    /// Written by the callbacks; set in `init` before anything can call them.
    private var session: OpaquePointer!
    /// For the callbacks.
    var raw: OpaquePointer { session }

    // What the callbacks share with the calls they happen in.
    var budget: FrameBudget
    var spelling: HeadSpelling
    var fields = FieldList()
    var streams = StreamTable()
    var output: [UInt8] = []
    var outputOctetsMax = 0
    var inputStart: UnsafePointer<UInt8>?
    var now = MonotonicInstant(nanoseconds: 0)
    var fault: HTTP2Fault?
    private var events: [HTTP2Event] = []
    private var eventsTaken = 0
    private var hasAnnounced = false
    private let memory: SessionMemory

    /// Whether the peer has accepted our settings.
    package internal(set) var isSettled = false
    /// Whether its settings have come.
    package internal(set) var hasPeerSettings = false
    /// Whether the peer lets clients ask for a WebSocket (RFC 8441 §3).
    package var peerTakesExtendedConnect: Bool {
        nghttp2_session_get_remote_settings(
            session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// Throws only when there is no memory for it.
    /// - Parameter pieces: the loop's, whose other sessions use again what this one gives back.
    package init(
        _ role: HTTP2Role, _ terms: HTTP2Terms, _ pieces: SessionPieces = SessionPieces()
    ) throws(HTTP2Fault) {
        memory = SessionMemory(pieces)
        self.role = role
        self.terms = terms
        budget = FrameBudget(role, blockOctetsMax: 2 * terms.headOctetsMax)
        spelling = HeadSpelling(terms)
        var made: OpaquePointer?
        // SAFETY: the context is this object, which frees the session in `deinit`.
        let context = Unmanaged.passUnretained(self).toOpaque()
        var allocator = memory.allocator
        let result =
            role == .server
            ? nghttp2_session_server_new3(&made, Self.callbacks, context, Self.options, &allocator)
            : nghttp2_session_client_new3(&made, Self.callbacks, context, Self.options, &allocator)
        guard result == 0, let made else {
            throw .broken(.internalError, "no session could be made")
        }
        session = made
        try announce()
    }

    deinit { nghttp2_session_del(session) }

    private func announce() throws(HTTP2Fault) {
        var entries = [
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(terms.streamWindowOctets)),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(clamping: terms.headOctetsMax)),
        ]
        switch role {
        case .server:
            entries.append(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Self.streamsOfLibrary))
            entries.append(setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1))
            // RFC 9218 §2.1: nobody's streams come before another's by what RFC 7540 called weights.
            entries.append(setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
        case .client:
            entries.append(setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        var result = nghttp2_submit_settings(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        if result == 0 {
            result = nghttp2_session_set_local_window_size(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, terms.connectionWindowOctets)
        }
        guard result == 0 else { throw .broken(.internalError, Self.words(result)) }
    }

    /// Past its own limit the library ends the connection; we refuse the stream (§5.1.2), which the
    /// peer may ask for again. So the library is told a higher limit than is announced: this one, which
    /// is overwritten where it stands in our first frame.
    private static let streamsOfLibrary: UInt32 = 0x7FFF_FFFF

    private func announceStreamsMax() {
        guard !hasAnnounced, output.count >= 9 else { return }
        hasAnnounced = true
        guard role == .server, output[3] == UInt8(NGHTTP2_SETTINGS.rawValue) else { return }
        let end = min(output.count, 9 + (Int(output[1]) << 8 | Int(output[2])))
        for entry in stride(from: 9, to: end - 5, by: 6)
        where output[entry + 1] == UInt8(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue) {
            for offset in 0..<4 {
                output[entry + 2 + offset] = UInt8(
                    truncatingIfNeeded: terms.streamsMax >> (24 - 8 * UInt32(offset)))
            }
        }
    }

    private func setting(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    static func words(_ code: Int32) -> String { String(cString: nghttp2_strerror(code)) }

    // MARK: Receiving

    /// Takes the octets of one frame at most, and says how many that were; what they meant is in
    /// `nextEvent()`, which must be asked until it has no more before the next call. After a fault
    /// nothing more is taken; `send` may still have a GOAWAY to say.
    package func receive(
        _ octets: Span<UInt8>, at now: MonotonicInstant
    ) throws(HTTP2Fault) -> Int {
        self.now = now
        if let fault { throw fault }
        do throws(HTTP2Fault) {
            let count = try budget.step(octets, at: now)
            if let begun = budget.begun { try judge(begun.stream, isHead: begun.isHead) }
            try feed(octets.extracting(0..<count))
            if let fault { throw fault }
            return count
        } catch {
            end(error)
            throw error
        }
    }

    /// RFC 9113 §5.1, §5.1.1: a frame of a stream that is over ends the connection, unless we ended the
    /// stream and the peer may not have known. The library, which forgets its streams, ignores both.
    private func judge(_ number: Int32, isHead: Bool) throws(HTTP2Fault) {
        guard role == .server, number > 0, number <= streams.highest, !streams.isOpen(number) else {
            return
        }
        switch streams.wasOurs(number) {
        case true?: return
        case false?: throw .broken(.streamClosed, "a frame of a stream that is over")
        case nil:
            throw .broken(isHead ? .protocolError : .streamClosed, "a stream that is not open")
        }
    }

    private func feed(_ octets: Span<UInt8>) throws(HTTP2Fault) {
        guard !octets.isEmpty else { return }
        // SAFETY: the library reads `octets` during the call; the callbacks say where content stands
        // by its distance from the start.
        let result = octets.withUnsafeBufferPointer { octets in
            inputStart = octets.baseAddress
            defer { inputStart = nil }
            return nghttp2_session_mem_recv(session, octets.baseAddress, octets.count)
        }
        guard result >= 0 else {
            let code = Int32(clamping: result)
            let isFlood =
                code == NGHTTP2_ERR_FLOODED.rawValue
                || code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue
            throw isFlood ? .tooMuch(Self.words(code)) : .broken(.protocolError, Self.words(code))
        }
    }

    private func end(_ fault: HTTP2Fault) {
        guard self.fault == nil else { return }
        self.fault = fault
        let code: HTTP2Code =
            switch fault {
            case .tooMuch: .enhanceYourCalm
            case .broken(let code, _): code
            }
        terminate(code)
    }

    /// What has happened and was not told yet.
    package func nextEvent() -> HTTP2Event? {
        guard eventsTaken < events.count else {
            if eventsTaken > 0 {
                events.removeAll(keepingCapacity: true)
                eventsTaken = 0
            }
            return nil
        }
        let event = events[eventsTaken]
        eventsTaken += 1
        if case .closed(let stream, _) = event { streams.free(stream.place) }
        return event
    }

    func tell(_ event: HTTP2Event) { events.append(event) }

    /// The head that the last `head` event told of, in HTTP/1.1's spelling. Nothing may be received
    /// while `body` runs.
    package func withHead<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        Self.lend(spelling, body)
    }

    private static func lend<Result>(
        _ spelling: borrowing HeadSpelling, _ body: (Span<UInt8>) -> Result
    ) -> Result {
        body(spelling.octets.span)
    }

    /// The lines that the last `trailers` event told of.
    package var trailers: [UInt8] { withHead { [UInt8]($0) } }
    /// Whether content of unknown length follows the last head, which then says so in chunks.
    package var isHeadChunked: Bool { spelling.isChunked }
    /// Whether the last head asks for a WebSocket.
    package var isTunnel: Bool { spelling.isTunnel }

    /// Content has been taken, so the peer may send as much again.
    package func consume(_ count: Int, of stream: HTTP2Stream) {
        guard count > 0 else { return }
        // A stream that is gone has its part of the connection's window alone.
        _ = nghttp2_session_consume(session, stream.number, count)
    }

    /// Whether the peer owes the rest of a frame or of a header block.
    package var isWithinFrame: Bool { budget.isWithinFrame }
    /// As `isWithinFrame`, where it is no content: that may take its time.
    package var owesHead: Bool { budget.isWithinFrame && !budget.isWithinContent }

    // MARK: Sending

    /// Appends what may be sent now: at most a frame more than `octetsMax`.
    package func send(
        into out: inout [UInt8], upTo octetsMax: Int, at now: MonotonicInstant
    ) throws(HTTP2Fault) {
        self.now = now
        outputOctetsMax = octetsMax
        swap(&output, &out)
        defer { swap(&output, &out) }
        while output.count < octetsMax {
            var octets: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &octets)
            guard count >= 0 else {
                throw .broken(.internalError, Self.words(Int32(clamping: count)))
            }
            // DATA frames are appended by their callback, which stops at the limit.
            guard count > 0 else { break }
            // SAFETY: the octets are the library's until the next call, and copied here.
            output.append(contentsOf: UnsafeBufferPointer(start: octets, count: count))
            if !hasAnnounced { announceStreamsMax() }
        }
    }

    /// Lets go of the room that only messages need; for a session that has been idle for a while.
    package func tidy() {
        guard !wantsToSend, streams.openCount == 0 else { return }
        spelling.tidy()
        fields.tidy()
        streams.tidy()
        memory.tidy()
    }

    /// Whether `send` may have something.
    package var wantsToSend: Bool { nghttp2_session_want_write(session) != 0 }
    /// Whether anything more can happen: after a GOAWAY, until its streams have ended.
    package var isAlive: Bool {
        fault == nil
            && (nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0)
    }

    // MARK: What is answered

    /// The head of an answer; `lines` as in HTTP/1.1, without a status line or an empty one.
    /// - Parameters:
    ///   - isLast: no content follows.
    ///   - name: a field that is left out.
    package func respond(
        _ stream: HTTP2Stream, status: Int, _ lines: Span<UInt8>, isLast: Bool,
        without name: StaticString = "connection", at now: MonotonicInstant
    ) {
        guard let place = streams.place(of: stream), !streams[place].hasSentHead else { return }
        streams[place].hasSentHead = true
        streams[place].movedAt = now
        if isLast { streams[place].isEnded = true }
        var provider = Self.provider(of: stream)
        fields.begin(status: status)
        let session = raw
        let result = fields.with(lines, without: name) { fields in
            isLast
                ? nghttp2_submit_response(
                    session, stream.number, fields.baseAddress, fields.count, nil)
                : nghttp2_submit_response(
                    session, stream.number, fields.baseAddress, fields.count, &provider)
        }
        if result != 0 { reset(stream, .internalError) }
    }

    /// An interim answer (RFC 9110 §15.2).
    package func respondInterim(_ stream: HTTP2Stream, status: Int, _ lines: Span<UInt8>) {
        guard let place = streams.place(of: stream), !streams[place].hasSentHead else { return }
        fields.begin(status: status)
        // Failing to say it is no failure of the answer.
        _ = fields.with(lines) { fields in
            nghttp2_submit_headers(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.number, nil, fields.baseAddress,
                fields.count, nil)
        }
    }

    /// Content, which waits here until it may be sent.
    package func write(_ octets: Span<UInt8>, to stream: HTTP2Stream, at now: MonotonicInstant) {
        guard !octets.isEmpty, let place = streams.place(of: stream), !streams[place].isEnded
        else { return }
        if streams[place].unsentOctets == 0 { streams[place].movedAt = now }
        streams.append(octets, to: place)
        resume(stream)
    }

    /// The end of the content; `trailers` as field lines, empty for none.
    package func finish(_ stream: HTTP2Stream, trailers: Span<UInt8> = Span()) {
        guard let place = streams.place(of: stream), !streams[place].isEnded else { return }
        streams[place].isEnded = true
        if !trailers.isEmpty { streams[place].trailers = [UInt8](trailers) }
        resume(stream)
    }

    private func resume(_ stream: HTTP2Stream) {
        guard streams[stream.place].isDeferred else { return }
        streams[stream.place].isDeferred = false
        // It fails for a stream that is closing, which needs nothing more.
        _ = nghttp2_session_resume_data(session, stream.number)
    }

    /// Once the answer has gone out whole, the rest of the request is not wanted (RFC 9113 §8.1).
    package func stopReading(_ stream: HTTP2Stream) {
        guard let place = streams.place(of: stream), !streams[place].peerEnded else { return }
        streams[place].isResetWhenSent = true
        if streams[place].isSent { reset(stream, .noError) }
    }

    package func reset(_ stream: HTTP2Stream, _ code: HTTP2Code) {
        guard let place = streams.place(of: stream) else { return }
        streams[place].isReset = true
        _ = nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.number, code.rawValue)
    }

    /// Content of the stream that waits to be sent.
    package func unsentOctets(of stream: HTTP2Stream) -> Int {
        streams.place(of: stream).map { streams[$0].unsentOctets } ?? 0
    }

    /// Content of all streams that waits to be sent.
    package var unsentOctets: Int { streams.unsentOctets }

    /// When the stream's content last moved towards the peer.
    package func lastMove(of stream: HTTP2Stream) -> MonotonicInstant {
        streams.place(of: stream).map { streams[$0].movedAt } ?? now
    }

    /// Streams with content that has not moved since `moment`, though what they wait for is the
    /// peer's to give: its windows.
    package func stalledStreams(since moment: MonotonicInstant) -> [HTTP2Stream] {
        streams.all.filter {
            streams[$0.place].unsentOctets > 0 && streams[$0.place].movedAt < moment
        }
    }

    package var openStreams: Int { streams.openCount }

    // MARK: Requests of ours

    /// A request's head in HTTP/1.1's spelling becomes a stream's beginning; `nil` when the peer takes
    /// no more streams.
    package func request(
        _ pseudo: RequestPseudoFields, _ lines: Span<UInt8>, isLast: Bool, isHead: Bool
    ) -> HTTP2Stream? {
        fields.begin(pseudo)
        let place = streams.reserve()
        var provider = Self.provider(ofPlace: place)
        let context = StreamTable.context(ofPlace: place)
        let number = fields.with(lines) { fields in
            isLast
                ? nghttp2_submit_request(
                    session, nil, fields.baseAddress, fields.count, nil, context)
                : nghttp2_submit_request(
                    session, nil, fields.baseAddress, fields.count, &provider, context)
        }
        guard number > 0 else {
            streams.free(place)
            return nil
        }
        streams[place].begin(number, at: now)
        streams[place].hasSentHead = true
        streams[place].isEnded = isLast
        streams[place].isHead = isHead
        return HTTP2Stream(number: number, place: place)
    }

    /// How many streams the peer lets us have open at a time.
    package var peerStreamsMax: Int {
        Int(
            nghttp2_session_get_remote_settings(
                session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    package var mayRequest: Bool {
        fault == nil && nghttp2_session_check_request_allowed(session) != 0
    }

    // MARK: Ends

    /// The peer is told to begin no more streams; those under way go on (RFC 9113 §6.8).
    package func announceEnd() {
        switch role {
        case .server: _ = nghttp2_submit_shutdown_notice(session)
        case .client: break
        }
    }

    /// No stream past those that were begun is taken any more.
    package func refuseStreams() {
        _ = nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
            nghttp2_session_get_last_proc_stream_id(session), HTTP2Code.noError.rawValue, nil, 0)
    }

    /// Says GOAWAY, after which nothing is received.
    package func terminate(_ code: HTTP2Code) {
        _ = nghttp2_session_terminate_session(session, code.rawValue)
    }

    package func ping() {
        _ = nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    private static func provider(of stream: HTTP2Stream) -> nghttp2_data_provider {
        provider(ofPlace: stream.place)
    }
}

/// What a request's line says, for a request of ours.
package struct RequestPseudoFields: Sendable {
    package var method: [UInt8]
    package var scheme: StaticString
    package var authority: [UInt8]
    package var path: [UInt8]

    package init(method: [UInt8], scheme: StaticString, authority: [UInt8], path: [UInt8]) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
    }
}
