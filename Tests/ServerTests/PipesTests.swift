import Platform
import Testing

@testable import Server

@Suite struct `Pipes of a loop` {
    @Test func `there are so many and no more, and an empty one is used again`() throws {
        var pipes = Pipes()
        var taken: [Pipe] = []
        while let pipe = pipes.take() { taken.append(pipe) }
        #expect(taken.count == Pipes.most)
        #expect(pipes.open == Pipes.most)
        for pipe in taken { pipes.give(pipe) }
        #expect(pipes.open == Pipes.kept)
        let next = pipes.take()
        let again = try #require(next)
        #expect(again === taken[Pipes.kept - 1])
        #expect(pipes.open == Pipes.kept)
    }
}
