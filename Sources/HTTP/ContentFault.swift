// What can be wrong with content in chunks, from either side: 400 or 413 for a client, and for an
// upstream the end of an answer that cannot be completed.

package enum ContentFault: Error, Equatable, Sendable {
    case chunkSizeInvalid
    case chunkSizeTooLong
    case chunkExtensionInvalid
    case chunkExtensionsTooLong
    case chunkDataUnterminated
    case trailers(FieldFault)

    package static let allCases: [ContentFault] =
        [
            .chunkSizeInvalid, .chunkSizeTooLong, .chunkExtensionInvalid, .chunkExtensionsTooLong,
            .chunkDataUnterminated,
        ] + FieldFault.allCases.map(ContentFault.trailers)

    /// As a client's fault.
    package var status: Int {
        switch self {
        case .chunkSizeInvalid, .chunkSizeTooLong, .chunkExtensionInvalid, .chunkDataUnterminated:
            400
        case .chunkExtensionsTooLong: 413
        case .trailers(.tooMany), .trailers(.tooLong): 431
        case .trailers: 400
        }
    }

    /// Stable: tests and operators rely on it.
    package var code: String {
        switch self {
        case .chunkSizeInvalid: "chunk-size-invalid"
        case .chunkSizeTooLong: "chunk-size-too-long"
        case .chunkExtensionInvalid: "chunk-extension-invalid"
        case .chunkExtensionsTooLong: "chunk-extensions-too-long"
        case .chunkDataUnterminated: "chunk-data-unterminated"
        case .trailers(let fault): "trailer-" + fault.code
        }
    }

    package var sentence: String {
        switch self {
        case .chunkSizeInvalid: "A chunk does not begin with its size in hexadecimal digits."
        case .chunkSizeTooLong: "A chunk's size has more than sixteen digits."
        case .chunkExtensionInvalid: "A chunk's extension is not well-formed."
        case .chunkExtensionsTooLong: "The chunks carry more extensions than content allows for."
        case .chunkDataUnterminated: "A chunk's data is not followed by the end of the line."
        case .trailers(let fault): "In the trailers: " + fault.sentence
        }
    }
}
