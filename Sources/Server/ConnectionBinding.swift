// Whether an answer asks for a way of signing in that binds its connection to one user.

import HTTP
import Values

extension ResponseHead {
    /// NTLM and Negotiate sign in the connection, not the request: one that has been asked for them is
    /// shared with nobody.
    func bindsConnection(_ octets: Span<UInt8>) -> Bool {
        guard present.contains(.wwwAuthenticate) else { return false }
        var index = nextIndex(of: .wwwAuthenticate, from: 0)
        while let at = index {
            let value = octets.extracting(fields[at].value.range)
            var members = ListMembers()
            while let member = members.next(in: value) {
                let scheme = value.extracting(member)
                for name in ["ntlm", "negotiate"] as [StaticString]
                where scheme.count >= name.utf8CodeUnitCount
                    && OctetText.equalsIgnoringASCIICase(
                        scheme.extracting(0..<name.utf8CodeUnitCount), name)
                {
                    return true
                }
            }
            index = nextIndex(of: .wwwAuthenticate, from: at + 1)
        }
        return false
    }
}
