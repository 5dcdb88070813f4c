import Testing

@testable import Server

private final class Thing {
    var name: String
    var onEnd: () -> Void = {}
    init(_ name: String) { self.name = name }
    deinit { onEnd() }
}

@Suite struct `Holds and links` {
    @Test func `a link reads and calls what is held`() {
        let held = Held(Thing("a"))
        let link = held.link
        #expect(link.name == "a")
        link { $0.name = "b" }
        #expect(held.object().name == "b")
    }

    @Test func `no link does nothing`() {
        let none: Link<Thing>? = nil
        #expect(none { $0.name } == nil)
    }

    @Test func `an object ends with its hold, and is handed on without ending`() {
        var ended = 0
        func make() -> Held<Thing> {
            let thing = Thing("a")
            thing.onEnd = { ended += 1 }
            return Held(thing)
        }
        do { _ = make() }
        #expect(ended == 1)
        do {
            let thing = make().object()
            #expect(ended == 1)
            withExtendedLifetime(thing) {}
        }
        #expect(ended == 2)
    }

    @Test func `spares keep their bound, give the last first, and end what they keep`() {
        var ended: [String] = []
        do {
            var spares = Spares<Thing>(most: 2)
            for name in ["a", "b", "c"] {
                let thing = Thing(name)
                thing.onEnd = { ended.append(name) }
                let beyond = spares.give(Held(thing))
                let isBeyond = beyond != nil
                #expect(isBeyond == (name == "c"))
            }
            #expect(ended == ["c"])
            let name = spares.take()?.link.name
            #expect(name == "b")
            #expect(ended == ["c", "b"])
        }
        #expect(ended == ["c", "b", "a"])
    }
}
