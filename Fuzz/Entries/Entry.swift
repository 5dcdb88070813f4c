// What a parser of outside octets is fuzzed by, and what replays its corpus in the plain tests.
//
// An entry takes any octets at all and says what must hold of them. A trap is a finding by itself;
// beyond that most parsers have a property: where the input was cut does not show, writer and reader
// are inverse, what is called safe is safe. A property that fails is thrown, so that the tests can
// report it and the fuzzer can stop at it.

struct Entry: Sendable {
    /// Of the folder under Tests/Corpus.
    let name: String
    let octetsMax: Int
    let check: @Sendable (_ octets: [UInt8]) throws -> Void

    init(
        _ name: String, octetsMax: Int = 4096,
        _ check: @escaping @Sendable (_ octets: [UInt8]) throws -> Void
    ) {
        self.name = name
        self.octetsMax = octetsMax
        self.check = check
    }

    static let all: [Entry] = [
        requests, responses, content, prefaces, messages, paths, urls, cookies, lists, dates,
        json, forms, encodings, addresses, graphQL, yaml, configuration,
        keyFiles, sealed, sessions, logins, returnPaths,
        callbacks, tokenAnswers, providerMetadata, keySets, idTokens,
        verdicts, answers, tls, hellos, serverNames, replies, streams,
    ]
}

/// A property that did not hold.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func hold(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Broken(description: what()) }
}

/// Places to cut an input at: its ends and its middle, and one that the input itself chooses.
func cuts(of octets: [UInt8]) -> Set<Int> {
    let sum = octets.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xffff }
    return [0, min(1, octets.count), octets.count / 2, sum % (octets.count + 1), octets.count]
}

/// Dice that fall the same way each time (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64 = 1) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
