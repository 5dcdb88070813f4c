// Scratch room of a loop's that is written by one step and read by others.

/// A value that is made once and lent to one user at a time, who gives it back: so that it is used
/// where it is not a part of anything that might change meanwhile, and need not be copied for that.
struct Lent<Value> {
    private var value: Value?
    private let make: () -> Value

    init(_ make: @escaping () -> Value) { self.make = make }

    /// A new one, where it has been lent already.
    mutating func lend() -> Value { value.take() ?? make() }

    mutating func takeBack(_ value: consuming Value) { self.value = value }
}
