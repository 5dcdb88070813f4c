// Whole messages as values, for what is not on the way of every request: calls to a provider, the
// demonstration's servers, tests.
import Values

package enum HTTPMessage {
    package struct Request: Sendable {
        /// The token, as in the request line.
        package var method: String
        package var target: String
        package var fields: [(name: String, value: String)]
        package var body: [UInt8]

        package init(
            method: String, target: String, fields: [(name: String, value: String)] = [],
            body: [UInt8] = []
        ) {
            self.method = method
            self.target = target
            self.fields = fields
            self.body = body
        }

        /// The first value of the field, its name in any case.
        package func field(_ name: String) -> String? { HTTPMessage.field(name, of: fields) }

        /// In HTTP/1.1. Content-Length is added where there is content or the method expects some;
        /// framing fields among `fields` are left out, and so is what no field line can hold.
        package func serialized() -> [UInt8] {
            var octets: [UInt8] = []
            octets.append(utf8: "\(method) \(target) HTTP/1.1\r\n")
            HTTPMessage.append(fields, to: &octets)
            if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
                octets.append(utf8: "Content-Length: \(body.count)\r\n")
            }
            octets.append("\r\n")
            return octets + body
        }
    }

    package struct Response: Sendable {
        package var status: Int
        package var fields: [(name: String, value: String)]
        package var body: [UInt8]

        package init(
            status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []
        ) {
            self.status = status
            self.fields = fields
            self.body = body
        }

        /// The first value of the field, its name in any case.
        package func field(_ name: String) -> String? { HTTPMessage.field(name, of: fields) }

        /// In HTTP/1.1, as the answer to `method`: to HEAD the length is told and no content sent.
        /// 1xx, 204 and 304 have neither.
        package func serialized(answering method: Method = .get) -> [UInt8] {
            var octets: [UInt8] = []
            octets.append(utf8: "HTTP/1.1 \(status) ")
            octets.append(StatusText.reason(status))
            octets.append("\r\n")
            HTTPMessage.append(fields, to: &octets)
            let hasContent = status >= 200 && status != 204 && status != 304
            if hasContent { octets.append(utf8: "Content-Length: \(body.count)\r\n") }
            octets.append("\r\n")
            return hasContent && method != .head ? octets + body : octets
        }
    }

    /// The first value of the field, its name in any case.
    static func field(_ name: String, of fields: [(name: String, value: String)]) -> String? {
        let name = [UInt8](name.utf8)
        return fields.first {
            OctetText.equalsIgnoringASCIICase([UInt8]($0.name.utf8).span, name.span)
        }?.value
    }

    private static func append(
        _ fields: [(name: String, value: String)], to octets: inout [UInt8]
    ) {
        for field in fields {
            let name = [UInt8](field.name.utf8)
            let value = [UInt8](field.value.utf8)
            // A line break in a value would begin another line, so such a field is not sent.
            guard name.span.isToken, value.span.fieldValueEnd(from: 0) == value.count else {
                continue
            }
            switch KnownField.of(name.span) {
            case .contentLength, .transferEncoding: continue
            default: break
            }
            octets.append(contentsOf: name)
            octets.append(": ")
            octets.append(contentsOf: value)
            octets.append("\r\n")
        }
    }
}
