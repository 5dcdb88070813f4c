// libyaml's event parser: octets in, events of the grammar out. The only unsafe code of this room.

internal import CYAML

/// Calls `take` with each event of the document, in order, until the last or the first fault.
func withEvents(
    of octets: [UInt8], _ take: (Event) throws(YAMLFault) -> Void
) throws(YAMLFault) {
    // libyaml keeps the pointer it is given, so the input is a copy of ours.
    let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(octets.count, 1))
    defer { input.deallocate() }
    _ = input.update(fromContentsOf: octets)  // the index behind the last is known: the count
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
        throw YAMLFault(mark: .start, what: "there is no memory left to read the file")
    }
    defer { yaml_parser_delete(parser) }
    // SAFETY: `input` holds `octets.count` octets. Deferred blocks run last first: the parser is
    // deleted, then freed, then its input is.
    yaml_parser_set_input_string(parser, input.baseAddress, octets.count)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    while let event = try nextEvent(parser, octets) {
        if let event = event.known { try take(event) }
    }
}

/// An event that may be one of the stream's own, which tell nothing.
private struct Next { let known: Event? }

/// `nil` at the end of the stream.
private func nextEvent(
    _ parser: UnsafeMutablePointer<yaml_parser_t>, _ octets: [UInt8]
) throws(YAMLFault) -> Next? {
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) == 1 else { throw fault(of: parser.pointee, octets) }
    // SAFETY: a parsed event owns its strings until it is deleted here; `event` copies them first.
    defer { yaml_event_delete(&raw) }
    return raw.type == YAML_STREAM_END_EVENT ? nil : Next(known: event(raw))
}

private func event(_ raw: yaml_event_t) -> Event? {
    let mark = Mark(raw.start_mark)
    switch raw.type {
    case YAML_DOCUMENT_START_EVENT:
        let start = raw.data.document_start
        let tags = start.tag_directives
        let hasDirectives = start.version_directive != nil || tags.start != tags.end
        return Event(kind: .documentStart(directives: hasDirectives), mark: mark)
    case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, mark: mark)
    case YAML_ALIAS_EVENT:
        return Event(kind: .alias(text(raw.data.alias.anchor)), mark: mark)
    case YAML_SCALAR_EVENT:
        let scalar = raw.data.scalar
        // SAFETY: `value` points to `length` octets that the event owns. They are UTF-8: the whole
        // input was checked, and what an escape makes libyaml writes as UTF-8.
        let octets = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
        return Event(
            kind: .scalar(String(decoding: octets, as: UTF8.self), isPlain ? .plain : .quoted),
            mark: mark, hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    case YAML_SEQUENCE_START_EVENT:
        let start = raw.data.sequence_start
        return Event(
            kind: .sequenceStart, mark: mark, hasAnchor: start.anchor != nil,
            hasTag: start.tag != nil)
    case YAML_MAPPING_START_EVENT:
        let start = raw.data.mapping_start
        return Event(
            kind: .mappingStart, mark: mark, hasAnchor: start.anchor != nil,
            hasTag: start.tag != nil)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
        return Event(kind: .collectionEnd, mark: mark)
    default: return nil  // the stream's start
    }
}

private func fault(of parser: yaml_parser_t, _ octets: [UInt8]) -> YAMLFault {
    // SAFETY: libyaml's messages are constants of its own, ended by NUL.
    let problem = parser.problem.map { String(cString: $0) } ?? "this is not YAML"
    let context = parser.context.map { String(cString: $0) + ", " } ?? ""
    if parser.error == YAML_READER_ERROR {
        // The reader counts octets only; the parser's mark is behind it, at the last token.
        return YAMLFault(mark: Mark(ofOffset: parser.problem_offset, in: octets), what: problem)
    }
    return YAMLFault(mark: Mark(parser.problem_mark), what: context + problem)
}

private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
    // SAFETY: an anchor is ended by NUL and lives as long as its event.
    pointer.map { String(cString: $0) } ?? ""
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        // libyaml counts from 0. The file has at most `YAML.octetsMax` octets, so both fit.
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}
