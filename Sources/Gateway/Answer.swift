// An answer of our own, from memory: what it says, and what it has on every occasion.
//
// The server adds X-Request-Id, Date and framing, and leaves the content out for HEAD. Everything
// else is here, so that no answer can go out without `Cache-Control: no-store`.

import Values

package struct Answer: Sendable {
    package var status: Int
    /// No framing, no Date, no X-Request-Id: those are the server's.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// The stable code a page, a problem or a GraphQL error shows; `nil` where nothing went wrong.
    package var code: String?
    /// Why, in words, for the log alone.
    package var logReason: String?
    /// Whether the connection has to close behind it.
    package var closes: Bool

    package init(
        status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = [],
        code: String? = nil, logReason: String? = nil, closes: Bool = false
    ) {
        self.status = status
        self.fields = [(name: "Cache-Control", value: "no-store")] + fields
        self.body = body
        self.code = code
        self.logReason = logReason
        self.closes = closes
    }
}

extension Answer {
    /// The first value of a field, by its name in any case.
    package func field(_ name: String) -> String? {
        let wanted = name.lowercased()
        return fields.first { $0.name.lowercased() == wanted }?.value
    }

    package mutating func add(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    /// Adds a Set-Cookie line each; they are never joined (RFC 6265 §3).
    package mutating func add(setCookies: [String]) {
        for cookie in setCookies { add("Set-Cookie", cookie) }
    }

    /// On to another place by GET, whatever this request was (RFC 9110 §15.4.4).
    package static func seeOther(_ location: String, setCookies: [String] = []) -> Answer {
        redirect(303, to: location, setCookies: setCookies)
    }

    /// The same request again, elsewhere, for good (RFC 9110 §15.4.9).
    package static func permanentRedirect(_ location: String) -> Answer {
        redirect(308, to: location, setCookies: [])
    }

    private static func redirect(
        _ status: Int, to location: String, setCookies: [String]
    ) -> Answer {
        var answer = Answer(
            status: status,
            fields: [(name: "Location", value: location), (name: "Referrer-Policy", "no-referrer")])
        answer.add(setCookies: setCookies)
        return answer
    }

    /// A short text, for what a load balancer or a plain program reads.
    package static func text(_ status: Int, _ text: String) -> Answer {
        Answer(
            status: status,
            fields: [
                (name: "Content-Type", value: "text/plain; charset=utf-8"),
                (name: "X-Content-Type-Options", value: "nosniff"),
            ], body: Array(text.utf8))
    }
}
