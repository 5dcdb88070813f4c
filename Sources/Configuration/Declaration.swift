// What is said about a key, once: the loader, the reference page and the schema all print this.

internal import JSON

struct Declaration: Sendable {
    let name: String
    /// The type in words: `duration`, `list of text`.
    let type: String
    let standard: Standard
    let sentence: String
    /// A value as it would be written.
    let example: String
    let schema: JSON
    /// The keys below, and how one gets to them.
    let children: [Declaration]
    let shape: Shape

    /// What holds where the key is not written.
    enum Standard: Sendable, Equatable {
        case required
        /// As it would be written.
        case value(String)
        /// A sentence's part: "`upstream` under https, else `client`".
        case depends(String)
    }

    enum Shape: Sendable {
        case value, section, list, named

        /// What stands between this key's name and a child's.
        var step: String {
            switch self {
            case .value, .section: ""
            case .list: "[]"
            case .named: ".NAME"
            }
        }
    }
}
