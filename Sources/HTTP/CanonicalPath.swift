// The one path that routes are matched on and the upstream is sent.
//
// product.md, "Paths". A difference between the path that is judged and the path that is served is a
// way around the judgement, so there is one path, and what two readers could read differently is
// refused. RFC 3986 §5.2.4 and §6.2 say which spellings are equal.
//
// The order matters: slashes are merged first and dot segments resolved then, so that
// `/public//../admin` is `/admin`, which is what a file system makes of it.
import Values

package enum CanonicalPath {
    /// What a route may ask for.
    package struct Options: Sendable, Equatable {
        /// `%2f` and `%5c` are data, and stay as they came.
        package var encodedSlashesPass: Bool
        /// The path as it is forwarded under `merge_slashes: false`; it is matched without this.
        package var keepSlashes: Bool

        package init(encodedSlashesPass: Bool = false, keepSlashes: Bool = false) {
            self.encodedSlashesPass = encodedSlashesPass
            self.keepSlashes = keepSlashes
        }
    }

    /// What the path held, where a route's rules depend on it.
    package struct Features: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `%2f` or `%5c`, which pass only where the matched route says so.
        package static let encodedSlash = Features(rawValue: 1)
        /// `;` or `%3b`: match once more, on `withoutParameters`.
        package static let semicolon = Features(rawValue: 2)
        package static let dotSegments = Features(rawValue: 4)
        package static let repeatedSlashes = Features(rawValue: 8)
    }

    /// Replaces `path` by the canonical form of `raw`, which is a target's path without its query. An
    /// empty path is `/`.
    ///
    /// Whether encoded slashes pass is the matched route's to say, and matching comes after this: ask
    /// with `encodedSlashesPass`, and refuse `Features.encodedSlash` where the route does not.
    package static func canonicalize(
        _ raw: Span<UInt8>, options: Options = Options(), into path: inout [UInt8]
    ) throws(PathFault) -> Features {
        path.removeAll(keepingCapacity: true)
        guard options.keepSlashes else {
            return try append(raw, options: options, to: &path)
        }
        // What is forwarded with its slashes must be what is matched without them.
        let features = try append(raw, options: options, to: &path)
        let forwardedCount = path.count
        var merged = options
        merged.keepSlashes = false
        _ = try append(raw, options: merged, to: &path)
        let isSame = equalsMergingSlashes(
            path.span.extracting(0..<forwardedCount),
            path.span.extracting(forwardedCount..<path.count))
        path.removeSubrange(forwardedCount...)
        guard isSame else { throw .slashesAmbiguous }
        return features
    }

    /// The path for the second match: each segment without what follows its `;` or `%3b`, slashes
    /// merged. `path` is canonical.
    package static func withoutParameters(_ path: Span<UInt8>, into output: inout [UInt8]) {
        output.removeAll(keepingCapacity: true)
        var isDropping = false
        for index in path.indices {
            let octet = path[index]
            if octet == .slash {
                isDropping = false
                if output.last == .slash { continue }
            } else if !isDropping {
                isDropping = octet == .semicolon || isEscapedSemicolon(path, at: index)
            }
            if !isDropping { output.append(octet) }
        }
    }

    /// A target's path and query, taken apart at the first `?`. The query is checked here: it is
    /// forwarded octet for octet, and only a control, a space or a `#` in it is refused.
    package static func splitTarget(
        _ target: Span<UInt8>
    ) throws(PathFault) -> (path: Range<Int>, query: Range<Int>?) {
        var pathEnd = 0
        while pathEnd < target.count, target[pathEnd] != .question {
            guard target[pathEnd] != .numberSign else { throw .fragment }
            pathEnd += 1
        }
        guard pathEnd < target.count else { return (0..<pathEnd, nil) }
        let query = pathEnd + 1..<target.count
        guard target.targetEnd(from: query.lowerBound) == target.count else {
            throw .queryInvalid
        }
        guard OctetText.index(of: .numberSign, in: target, from: query.lowerBound) == nil else {
            throw .fragment
        }
        return (0..<pathEnd, query)
    }

    // MARK: Reading the segments

    /// What is known of the segment being read, or of its part between encoded slashes.
    private struct Segment {
        /// How many dots there are, while there is nothing else.
        var dots = 0
        var isOnlyDots = true
        var hasEncodedDot = false
        var hasParameters = false

        var isDots: Bool { isOnlyDots && (dots == 1 || dots == 2) }

        mutating func add(_ octet: UInt8, isEncoded: Bool) {
            // Behind a `;` a reader that knows parameters sees nothing of the name.
            if hasParameters { return }
            switch octet {
            case .semicolon: hasParameters = true
            case .dot:
                dots += 1
                if isEncoded { hasEncodedDot = true }
            default: isOnlyDots = false
            }
        }

        /// Refuses a dot segment that another reader might not take for one, or the reverse.
        func check() throws(PathFault) {
            guard isDots else { return }
            if hasEncodedDot { throw .encodedDotSegment }
            if hasParameters { throw .dotSegmentWithParameters }
        }
    }

    private static func append(
        _ raw: Span<UInt8>, options: Options, to path: inout [UInt8]
    ) throws(PathFault) -> Features {
        let base = path.count
        path.append(.slash)
        guard raw.count > 0 else { return [] }
        guard raw[0] == .slash else { throw .notAbsolute }
        if isPlain(raw) {
            path.append(contentsOf: raw.extracting(1..<raw.count))
            return []
        }
        var features = Features()
        var at = 1
        // Each turn reads one segment; `path` ends in the slash before it.
        while at < raw.count {
            let start = path.count
            var segment = Segment()
            var isDivided = false
            while at < raw.count, raw[at] != .slash {
                let octet = raw[at]
                guard octet == .percent else {
                    try checkRaw(octet)
                    if octet == .semicolon { features.insert(.semicolon) }
                    segment.add(octet, isEncoded: false)
                    path.append(octet)
                    at += 1
                    continue
                }
                guard at + 2 < raw.count, let high = raw[at + 1].hexDigit,
                    let low = raw[at + 2].hexDigit
                else { throw .escapeBroken }
                let value = high << 4 | low
                if value == .slash || value == .backslash {
                    guard options.encodedSlashesPass else { throw .encodedSlash }
                    features.insert(.encodedSlash)
                    try segment.check()
                    if segment.isDots { throw .dotSegmentBesideEncodedSlash }
                    segment = Segment()
                    isDivided = true
                } else if value == 0 {
                    throw .encodedNull
                } else {
                    if value == .semicolon { features.insert(.semicolon) }
                    segment.add(value, isEncoded: true)
                }
                if PercentEncoding.isUnreserved(value) {
                    path.append(value)
                } else {
                    path.append(.percent)
                    path.append(raw[at + 1])
                    path.append(raw[at + 2])
                }
                at += 3
            }
            let isClosed = at < raw.count
            at += 1
            try segment.check()
            if isDivided, segment.isDots { throw .dotSegmentBesideEncodedSlash }
            if segment.isDots, !isDivided {
                features.insert(.dotSegments)
                path.removeSubrange(start...)
                if segment.dots == 2 { removeLastSegment(&path, base: base) }
            } else if path.count > start {
                if isClosed { path.append(.slash) }
            } else if isClosed {
                features.insert(.repeatedSlashes)
                if options.keepSlashes { path.append(.slash) }
            }
        }
        // A reader that decodes first would resolve the dots across what we take for data.
        if features.contains([.encodedSlash, .dotSegments]) {
            throw .dotSegmentBesideEncodedSlash
        }
        return features
    }

    /// Whether the path is canonical as it stands, as most are: unreserved octets alone, no segment
    /// that begins with a dot, no empty one. What is not plain is read segment by segment.
    private static func isPlain(_ raw: Span<UInt8>) -> Bool {
        var previous = UInt8(0)
        for index in raw.indices {
            let octet = raw[index]
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                break
            case .dot, .slash: if previous == .slash { return false }
            default: return false
            }
            previous = octet
        }
        return true
    }

    /// Takes `/a/b/` back to `/a/`, and `/` to `/`: nothing lies above the root.
    private static func removeLastSegment(_ path: inout [UInt8], base: Int) {
        guard path.count > base + 1 else { return }
        path.removeLast()
        while path.count > base + 1, path[path.count - 1] != .slash { path.removeLast() }
    }

    /// Octets that are data as they stand: ASCII without controls, space, `#` and backslash. (A `?`
    /// cannot come here; the query is cut off at the first.)
    private static func checkRaw(_ octet: UInt8) throws(PathFault) {
        switch octet {
        case .backslash: throw .backslash
        case .numberSign: throw .fragment
        case 0...0x20, 0x7f...0xff: throw .octetInvalid
        default: return
        }
    }

    private static func isEscapedSemicolon(_ path: Span<UInt8>, at index: Int) -> Bool {
        index + 2 < path.count && path[index] == .percent
            && path[index + 1] == UInt8(ascii: "3")
            && path[index + 2] | 0x20 == UInt8(ascii: "b")
    }

    /// Whether `path` is `merged` once repeated slashes in it count as one.
    private static func equalsMergingSlashes(_ path: Span<UInt8>, _ merged: Span<UInt8>) -> Bool {
        var at = 0
        for index in path.indices {
            if path[index] == .slash, index > 0, path[index - 1] == .slash { continue }
            guard at < merged.count, merged[at] == path[index] else { return false }
            at += 1
        }
        return at == merged.count
    }
}
