// Numbers in network order, most significant octet first, read where they lie.

extension Span<UInt8> {
    /// The four octets from `offset` on. That they are there is checked, and our mistake otherwise.
    @inlinable public func bigEndian32(at offset: Int) -> UInt32 {
        // SAFETY: the load checks its bounds, and every bit pattern is a number.
        unsafe UInt32(
            bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The eight octets from `offset` on, likewise.
    @inlinable public func bigEndian64(at offset: Int) -> UInt64 {
        // SAFETY: as above.
        unsafe UInt64(
            bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
