// The numbers of a public key, as a JWK has them (RFC 7518 section 6, RFC 8037 section 2).
import COpenSSL

/// Numbers are big-endian: RSA's without zeros in front, coordinates of the curve's full length.
package enum PublicComponents: Hashable, Sendable {
    case rsa(modulus: [UInt8], exponent: [UInt8])
    case ellipticCurve(EllipticCurve, x: [UInt8], y: [UInt8])
    case ed25519([UInt8])
}

extension PublicKey {
    package convenience init(_ components: PublicComponents) throws(KeyFault) {
        switch components {
        case .rsa(let modulus, let exponent):
            try self.init(rsaModulus: modulus.span, exponent: exponent.span)
        case .ellipticCurve(let curve, let x, let y):
            try self.init(curve: curve, x: x.span, y: y.span)
        case .ed25519(let octets):
            try self.init(ed25519: octets.span)
        }
    }
}

extension PublicComponents {
    /// SAFETY: the key is only read, and stays the caller's.
    init(of key: OpaquePointer) throws(KeyFault) {
        if unsafe EVP_PKEY_is_a(key, "RSA") == 1 {
            self = unsafe .rsa(
                modulus: Self.number("n", of: key), exponent: Self.number("e", of: key))
        } else if unsafe EVP_PKEY_is_a(key, "EC") == 1 {
            let group = unsafe Self.group(of: key)
            guard let curve = EllipticCurve.allCases.first(where: { "\($0.groupName)" == group })
            else { throw .kindUnsupported(group) }
            let count = curve.coordinateCount
            self = unsafe .ellipticCurve(
                curve, x: Self.number("qx", of: key, count: count),
                y: Self.number("qy", of: key, count: count))
        } else if unsafe EVP_PKEY_is_a(key, "ED25519") == 1 {
            self = .ed25519(
                [UInt8](capacity: 32) { output in
                    // SAFETY: the room is for as many octets as `written` says before the call.
                    unsafe output.withUnsafeMutableBufferPointer { room, written in
                        written = room.count
                        require(
                            unsafe EVP_PKEY_get_raw_public_key(key, room.baseAddress, &written),
                            "EVP_PKEY_get_raw_public_key")
                    }
                })
        } else {
            let name = unsafe EVP_PKEY_get0_type_name(key)
            throw .kindUnsupported(unsafe name.map { unsafe String(cString: $0) } ?? "unknown")
        }
    }

    /// SAFETY: as `init(of:)`; the number is freed here, wiped, and `output` has room for it.
    private static func number(
        _ name: String, of key: OpaquePointer, count: Int? = nil
    ) -> [UInt8] {
        var number: OpaquePointer?
        require(unsafe EVP_PKEY_get_bn_param(key, name, &number), "EVP_PKEY_get_bn_param")
        defer { unsafe BN_free(number) }
        let count = unsafe count ?? (Int(BN_num_bits(number)) + 7) / 8
        return [UInt8](capacity: count) { output in
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                let length = unsafe BN_bn2binpad(number, room.baseAddress, Int32(count))
                written = max(0, Int(length))
            }
        }
    }

    private static func group(of key: OpaquePointer) -> String {
        // SAFETY: the name is written into the room of 64, which ends in NUL.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { name in
            var count = 0
            guard unsafe EVP_PKEY_get_group_name(key, name.baseAddress, 64, &count) == 1,
                let start = name.baseAddress
            else { return "with parameters of its own" }
            return unsafe String(cString: start)
        }
    }
}
