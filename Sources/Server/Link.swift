// How the objects of one loop point at each other without counting: a request passes several dozen
// such pointers, and each would cost an atomic increment and decrement.
//
// The rule, for all of this room: an object on the request path has one holder (`Held`, a lease, or a
// table of the worker's), everyone else has a `Link`, and what its holder lets go of lives until the
// turn ends (`EventLoop.keepUntilTurnEnds`). So whatever is followed within an event is there until
// the event is over, whoever closes meanwhile; and a link is cleared when what it is for ends, so
// that none outlives the turn of its object's end. Debug builds trap where one does.

/// The way to an object that somebody else holds: `link { $0.method() }`, or `link.property` to read.
///
/// SAFETY: see above for why the object is there. Within a call it cannot go away, since objects are
/// let go of only between events.
@dynamicMemberLookup
struct Link<Object: AnyObject> {
    #if DEBUG
        // Looks, each time, whether the object is still there.
        private unowned let object: Object

        init(_ object: Object) { self.object = object }

        func callAsFunction<Result>(_ body: (Object) -> Result) -> Result { body(object) }
    #else
        private let object: Unmanaged<Object>

        @inline(__always)
        init(_ object: Object) { self.object = .passUnretained(object) }

        @inline(__always)
        func callAsFunction<Result>(_ body: (Object) -> Result) -> Result {
            object._withUnsafeGuaranteedRef(body)
        }
    #endif

    /// Reads; whoever changes something says so in a call.
    @inline(__always)
    subscript<Value>(dynamicMember path: KeyPath<Object, Value>) -> Value {
        self { $0[keyPath: path] }
    }

    @inline(__always)
    func leads(to other: Object) -> Bool { self { $0 === other } }
}

extension Optional {
    /// Does nothing where there is no link.
    @inline(__always)
    @discardableResult
    func callAsFunction<Object, Result>(_ body: (Object) -> Result) -> Result?
    where Wrapped == Link<Object> {
        guard let link = self else { return nil }
        return link(body)
    }
}

/// The one hold on an object, which passes from hand to hand and is never shared.
struct Held<Object: AnyObject>: ~Copyable {
    private let count: Unmanaged<Object>

    @inline(__always)
    init(_ object: consuming Object) { count = .passRetained(object) }

    fileprivate init(_ count: Unmanaged<Object>) { self.count = count }

    deinit { count.release() }

    var link: Link<Object> {
        @inline(__always) get { count._withUnsafeGuaranteedRef { Link($0) } }
    }

    /// The object itself, for whoever keeps it from now on.
    @inline(__always)
    consuming func object() -> Object {
        let count = count
        discard self
        return count.takeRetainedValue()
    }

    /// The hold itself, for `Spares` to keep.
    fileprivate consuming func unowned() -> Unmanaged<Object> {
        let count = count
        discard self
        return count
    }
}

/// Objects that are kept to be used again, the last one first.
struct Spares<Object: AnyObject>: ~Copyable {
    private var counts: [Unmanaged<Object>] = []
    private let most: Int

    init(most: Int) { self.most = most }

    deinit { for count in counts { count.release() } }

    mutating func take() -> Held<Object>? {
        counts.popLast().map { Held($0) }
    }

    /// - Returns: what there is no room for.
    mutating func give(_ held: consuming Held<Object>) -> Held<Object>? {
        guard counts.count < most else { return held }
        counts.append(held.unowned())
        return nil
    }
}
