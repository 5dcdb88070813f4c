// A loop's pipes for long answers: how many there may be, and those that wait for the next.

import Platform

struct Pipes {
    /// Two descriptors and up to 256 KiB of the kernel's memory each.
    static let most = 64
    static let kept = 16
    /// Those that nobody has used for so long are closed.
    static let restsFor = Duration.seconds(1)

    private var spare: [Pipe] = []
    /// Those in use, and the spare ones.
    private(set) var open = 0
    /// Whether one was taken since the last look.
    fileprivate var isInDemand = false
    fileprivate var isTimed = false

    /// `nil` where there are as many as are to be had.
    mutating func take() -> Pipe? {
        isInDemand = true
        if let pipe = spare.popLast() { return pipe }
        guard open < Self.most else { return nil }
        do throws(Errno) {
            let pipe = try Pipe()
            open += 1
            return pipe
        } catch { return nil }
    }

    /// One that still holds something is closed.
    mutating func give(_ pipe: Pipe) {
        if pipe.isEmpty, spare.count < Self.kept { spare.append(pipe) } else { open -= 1 }
    }

    fileprivate mutating func closeSpare() {
        open -= spare.count
        spare.removeAll()
    }

    fileprivate var hasSpare: Bool { !spare.isEmpty }
}

extension Worker {
    func give(_ pipe: Pipe) {
        pipes.give(pipe)
        timePipes()
    }

    private func timePipes() {
        guard !pipes.isTimed, pipes.hasSpare else { return }
        pipes.isTimed = true
        pipes.isInDemand = false
        _ = loop.schedule(after: Pipes.restsFor) { [self] in
            pipes.isTimed = false
            if !pipes.isInDemand { pipes.closeSpare() }
            timePipes()
        }
    }
}
