// What the library calls while it receives and sends.
//
// SAFETY, for all of them: they run during a call of the session whose object is the context, on its
// thread; what they are given lives as long as the call. None throws, and none frees anything.

import CNGHTTP2
import HTTP
import Values

extension HTTP2Session {
    /// Shared by all sessions: the library copies them when it makes one. Never freed.
    nonisolated(unsafe) static let callbacks: OpaquePointer = {
        var made: OpaquePointer?
        guard nghttp2_session_callbacks_new(&made) == 0, let callbacks = made else {
            preconditionFailure("no memory for a table of callbacks")
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
            HTTP2Session.with(context) { $0.blockBegan(frame!.pointee) }
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, _, context in
            HTTP2Session.with(context) {
                $0.fieldCame(
                    frame!.pointee.hd.stream_id,
                    Span(_unsafeStart: name!, count: nameCount),
                    Span(_unsafeStart: value!, count: valueCount))
            }
        }
        // What is malformed is refused, and not left out (RFC 9113 §8.1.1).
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
            _, _, _, _, _, _, _, _ in NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            HTTP2Session.with(context) { $0.frameCame(frame!) }
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) {
            _, frame, _, context in
            HTTP2Session.with(context) { $0.frameWasRefused(frame!.pointee.hd.stream_id) }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, number, octets, count, context in
            HTTP2Session.with(context) { $0.contentCame(number, octets!, count) }
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) {
            _, number, code, context in
            HTTP2Session.with(context) { $0.streamClosed(number, code) }
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
            HTTP2Session.with(context) { $0.frameWent(frame!) }
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) {
            _, frame, header, count, source, context in
            HTTP2Session.with(context) {
                $0.sendContent(frame!.pointee, header!, count, place: Int(source!.pointee.fd))
            }
        }
        return callbacks
    }()

    /// As `callbacks`.
    nonisolated(unsafe) static let options: OpaquePointer = {
        var made: OpaquePointer?
        guard nghttp2_option_new(&made) == 0, let options = made else {
            preconditionFailure("no memory for the options")
        }
        // Windows open again when content has been taken, and not when it has come.
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_outbound_ack(options, 256)
        // Ours, `FrameBudget`, is the narrower one.
        nghttp2_option_set_stream_reset_rate_limit(options, 100_000, 100_000)
        nghttp2_option_set_max_continuations(options, FrameBudget.continuationsMax)
        // Longer ones have been refused by the readers.
        nghttp2_option_set_max_send_header_block_length(options, 1 << 20)
        return options
    }()

    /// The object behind a callback's context.
    private static func with(
        _ context: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Int32
    ) -> Int32 {
        guard let context else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        return Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
    }

    private func place(ofStream number: Int32) -> Int? {
        StreamTable.place(of: nghttp2_session_get_stream_user_data(raw, number))
    }

    private func stream(_ number: Int32) -> HTTP2Stream? {
        place(ofStream: number).map { HTTP2Stream(number: number, place: $0) }
    }

    // MARK: Receiving

    fileprivate func blockBegan(_ frame: nghttp2_frame) -> Int32 {
        let number = frame.hd.stream_id
        switch role {
        case .server where frame.headers.cat == NGHTTP2_HCAT_REQUEST:
            let place = streams.reserve()
            streams[place].begin(number, at: now)
            streams.noteBegun(number)
            spelling.begin(.request)
            let result = nghttp2_session_set_stream_user_data(
                raw, number, StreamTable.context(ofPlace: place))
            return result == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        case .server: spelling.begin(.trailers)
        case .client:
            let hasHead = place(ofStream: number).map { streams[$0].hasHead } ?? false
            spelling.begin(hasHead ? .trailers : .answer)
        }
        return 0
    }

    fileprivate func fieldCame(
        _ number: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>
    ) -> Int32 {
        spelling.add(name, value)
        if spelling.isHostile, fault == nil {
            fault = .tooMuch("a field list's length")
            terminate(.enhanceYourCalm)
        }
        // What remains of it is decoded and not told.
        return spelling.isHostile ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue : 0
    }

    fileprivate func frameCame(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        let isLast = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS: blockCame(header.stream_id, isLast: isLast)
        case NGHTTP2_DATA: dataCame(header, isLast: isLast)
        case NGHTTP2_SETTINGS:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
                isSettled = true
            } else {
                hasPeerSettings = true
                tell(.settings)
            }
        case NGHTTP2_PING:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { tell(.pong) }
        case NGHTTP2_GOAWAY: tell(.goneAway(lastStream: frame.pointee.goaway.last_stream_id))
        default: break
        }
        return 0
    }

    private func blockCame(_ number: Int32, isLast: Bool) {
        guard fault == nil, let stream = stream(number) else { return }
        if isLast { streams[stream.place].peerEnded = true }
        let refusal = spelling.finish(isLast: isLast, answersHead: streams[stream.place].isHead)
        guard !spelling.isMalformed else { return reset(stream, .protocolError) }
        if role == .server, spelling.kind == .request, streams.openCount > terms.streamsMax {
            charge(5, "streams past the limit")
            return reset(stream, .refusedStream)
        }
        switch spelling.kind {
        case .trailers:
            guard refusal == nil else { return reset(stream, .protocolError) }
            tell(spelling.octets.isEmpty ? .ended(stream) : .trailers(stream))
        case .request:
            if let refusal { return tell(.refused(stream, refusal)) }
            tell(.head(stream, isLast: isLast))
        case .answer:
            guard refusal == nil else { return reset(stream, .protocolError) }
            if !spelling.isInterim { streams[stream.place].hasHead = true }
            tell(.head(stream, isLast: isLast))
        }
    }

    private func dataCame(_ header: nghttp2_frame_hd, isLast: Bool) {
        guard let stream = stream(header.stream_id) else { return }
        if !streams[stream.place].gotContent, !isLast, header.length > 0 {
            // Padding alone is as empty as nothing (an empty frame has been charged already).
            charge(10, "DATA frames of padding alone")
        }
        streams[stream.place].gotContent = false
        if isLast {
            streams[stream.place].peerEnded = true
            tell(.ended(stream))
        }
    }

    /// The library resets the stream, or ends the connection.
    fileprivate func frameWasRefused(_ number: Int32) -> Int32 {
        if let place = place(ofStream: number) { streams[place].isReset = true }
        return 0
    }

    private func charge(_ price: Int, _ what: StaticString) {
        do throws(HTTP2Fault) {
            try budget.charge(price, what)
        } catch {
            guard fault == nil else { return }
            fault = error
            terminate(.enhanceYourCalm)
        }
    }

    fileprivate func contentCame(
        _ number: Int32, _ octets: UnsafePointer<UInt8>, _ count: Int
    ) -> Int32 {
        guard let stream = stream(number), let start = inputStart else {
            _ = nghttp2_session_consume(raw, number, count)
            return 0
        }
        streams[stream.place].gotContent = true
        let offset = octets - start
        tell(.content(stream, offset..<offset + count))
        return 0
    }

    fileprivate func streamClosed(_ number: Int32, _ code: UInt32) -> Int32 {
        guard let stream = stream(number) else { return 0 }
        let place = stream.place
        streams.noteEnded(number, isOurs: streams[place].isReset)
        streams[place].isOpen = false
        tell(.closed(stream, HTTP2Code(rawValue: code)))
        return 0
    }

    // MARK: Sending

    fileprivate func frameWent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_DATA, NGHTTP2_HEADERS:
            if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
                let place = place(ofStream: header.stream_id)
            {
                streams[place].isSent = true
                if streams[place].isResetWhenSent, !streams[place].peerEnded {
                    reset(HTTP2Stream(number: header.stream_id, place: place), .noError)
                }
            }
        case NGHTTP2_RST_STREAM where role == .server:
            // MadeYouReset (CVE-2025-8671): what a peer makes us reset counts as what it resets.
            switch HTTP2Code(rawValue: frame.pointee.rst_stream.error_code) {
            case .noError, .cancel, .internalError, .refusedStream: break
            default: charge(10, "streams that had to be reset")
            }
        default: break
        }
        return 0
    }

    fileprivate func sendContent(
        _ frame: nghttp2_frame, _ header: UnsafePointer<UInt8>, _ count: Int, place: Int
    ) -> Int32 {
        output.append(contentsOf: UnsafeBufferPointer(start: header, count: 9))
        // We ask for no padding, so there is none.
        streams.take(count, of: place, into: &output)
        streams[place].movedAt = now
        // Whoever takes content may answer with two windows, and a ping.
        budget.restore(4)
        return output.count < outputOctetsMax ? 0 : NGHTTP2_ERR_PAUSE.rawValue
    }

    static func provider(ofPlace place: Int) -> nghttp2_data_provider {
        nghttp2_data_provider(
            source: nghttp2_data_source(fd: Int32(truncatingIfNeeded: place)),
            read_callback: { _, number, _, count, flags, source, context in
                guard let context, let source, let flags else {
                    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
                }
                let place = Int(source.pointee.fd)
                return Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.offerContent(of: number, place, atMost: count, flags)
                }
            })
    }

    /// How much of a stream's content goes into a frame; `sendContent` then moves it.
    private func offerContent(
        of number: Int32, _ place: Int, atMost count: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let unsent = streams[place].unsentOctets
        let offered = min(unsent, count)
        let isLast = streams[place].isEnded && offered == unsent
        guard offered > 0 || isLast else {
            streams[place].isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        guard isLast else { return offered }
        flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        guard !streams[place].trailers.isEmpty else { return offered }
        let trailers = streams[place].trailers
        fields.begin()
        let result = fields.with(trailers.span) { fields -> Int32 in
            guard !fields.isEmpty else { return 0 }
            flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            return nghttp2_submit_trailer(raw, number, fields.baseAddress, fields.count)
        }
        return result == 0 ? offered : Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
}
