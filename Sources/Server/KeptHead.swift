// A request's head that outlives the octets it was read from: while a flow works on it, or its content
// is gathered.

import HTTP
import Values

/// A head that outlives the octets it was read from.
struct KeptHead {
    let head: RequestHead
    let octets: [UInt8]

    init(_ head: RequestHead, _ octets: Span<UInt8>) {
        self.head = head
        self.octets = [UInt8](octets.extracting(0..<min(head.octetCount, octets.count)))
    }

    func adminRequest(_ content: [UInt8]) -> AdminRequest {
        let span = octets.span
        func text(_ range: OctetRange) -> String {
            OctetText.string(span.extracting(range.range)) ?? ""
        }
        return AdminRequest(
            method: text(head.methodToken), target: text(head.target), host: text(head.authority),
            content: content,
            isFromPage: head.present.contains(.origin) || head.present.contains(.secFetchSite))
    }
}
