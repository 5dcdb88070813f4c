// Which certificates are shown to whom asks for a name (RFC 6066 section 3, RFC 9525 section 6.3).
//
// A name has a set of certificates, one for each kind of key, so that an old client gets RSA where a new
// one gets ECDSA: those that name it exactly go before wildcards, and of two of a kind the earlier in
// the file. A pure value; `TLSServerContext` makes a context of each set.

struct CertificateTable {
    /// Indexes of certificates. The first set is for whoever asks for no name of ours.
    private(set) var sets: [[Int]] = []
    private var exact: [String: Int] = [:]
    /// By what follows the first label and its dot.
    private var wildcards: [String: Int] = [:]

    /// - Parameter certificates: the names each is for, and the kind of its key.
    init(_ certificates: [(names: [String], kind: Int32)]) {
        guard let first = certificates.first else { return }
        let like = first.names.first.map { Self.candidates(for: $0, among: certificates) } ?? []
        _ = place(Self.oneOfEachKind([0] + like, among: certificates))
        for name in certificates.flatMap(\.names) {
            let chosen = Self.oneOfEachKind(
                Self.candidates(for: name, among: certificates), among: certificates)
            if name.hasPrefix("*.") {
                wildcards[String(name.dropFirst(2))] = place(chosen)
            } else {
                exact[name] = place(chosen)
            }
        }
    }

    /// The set for a name in lower case; 0 where none is for it.
    func set(for name: String) -> Int {
        if let found = exact[name] { return found }
        guard let dot = name.firstIndex(of: ".") else { return 0 }
        return wildcards[String(name[name.index(after: dot)...])] ?? 0
    }

    private mutating func place(_ set: [Int]) -> Int {
        if let index = sets.firstIndex(of: set) { return index }
        sets.append(set)
        return sets.count - 1
    }

    private static func candidates(
        for name: String, among certificates: [(names: [String], kind: Int32)]
    ) -> [Int] {
        let exact = certificates.indices.filter { certificates[$0].names.contains(name) }
        guard !name.hasPrefix("*."), let dot = name.firstIndex(of: ".") else { return exact }
        let wildcard = "*" + name[dot...]
        return exact + certificates.indices.filter { certificates[$0].names.contains(wildcard) }
    }

    private static func oneOfEachKind(
        _ candidates: [Int], among certificates: [(names: [String], kind: Int32)]
    ) -> [Int] {
        candidates.reduce(into: []) { chosen, candidate in
            let kind = certificates[candidate].kind
            if !chosen.contains(where: { certificates[$0].kind == kind }) {
                chosen.append(candidate)
            }
        }
    }
}
