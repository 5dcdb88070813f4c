// What fuzzing has found worth keeping, replayed through the entries it was found with.
import Glibc
import Testing

@Suite struct `The corpus of every parser of outside octets` {
    static let folder =
        #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
        + "/Tests/Corpus/"

    @Test(arguments: Entry.all.map(\.name)) func `each kept input holds what its entry says`(
        _ name: String
    ) throws {
        let entry = try #require(Entry.all.first { $0.name == name })
        let files = matches(Self.folder + name + "/*")
        #expect(!files.isEmpty, "Tests/Corpus/\(name) is missing or empty")
        for file in files {
            let octets = try #require(contents(of: file))
            #expect(throws: Never.self, "\(file)") { try entry.check(octets) }
        }
        // Every beginning of a kept input is one too, since peers stop anywhere.
        for octets in files.compactMap(contents(of:)) where octets.count <= 256 {
            for end in octets.indices { try entry.check(Array(octets[..<end])) }
        }
    }

    @Test func `no folder is without its entry`() {
        let folders = matches(Self.folder + "*").compactMap { $0.split(separator: "/").last }
        #expect(Set(folders.map(String.init)) == Set(Entry.all.map(\.name)))
    }
}

private func matches(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { index in
        found.gl_pathv[index].map { String(cString: $0) }
    }
}

private func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var octets = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&octets, 1, octets.count, file)
    return Array(octets[..<count])
}
