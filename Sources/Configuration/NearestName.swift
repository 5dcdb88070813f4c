// Which known name a misspelt one was meant to be.

/// The name fewest edits away, the first of several; `nil` where all are too far to be meant. Case,
/// `-` and `_` do not count: `clientID` and `client-id` mean `client_id`.
func nearest(to name: String, among known: [String]) -> String? {
    let wanted = Array(
        name.lowercased().filter { $0 != "_" && $0 != "-" }.unicodeScalars.prefix(64))
    guard !wanted.isEmpty else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in known {
        let letters = Array(candidate.lowercased().filter { $0 != "_" && $0 != "-" }.unicodeScalars)
        let distance = editDistance(wanted, letters)
        // One edit in three letters is a slip; more is another word.
        guard distance <= max(1, max(wanted.count, letters.count) / 3) else { continue }
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.name
}

/// Insertions, deletions, replacements and swaps of neighbours that make one from the other (optimal
/// string alignment).
func editDistance<Letter: Equatable>(_ from: [Letter], _ to: [Letter]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...to.count)
    for (row, letter) in from.enumerated() {
        var current = [row + 1]
        for (column, other) in to.enumerated() {
            var distance = min(
                last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, letter == to[column - 1], from[row - 1] == other {
                distance = min(distance, beforeLast[column - 1] + 1)
            }
            current.append(distance)
        }
        (beforeLast, last) = (last, current)
    }
    return last[to.count]
}
