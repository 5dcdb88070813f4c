// A small HTTP/1.1 server for the demonstration: one task a connection, whole messages, keep-alive.
// It shows nothing about how the gateway works; it is what stands behind it.

import HTTP
import Platform
import Values

/// Answers requests; each of the demonstration's parts is one. On one loop, so it needs no lock.
protocol DemoService: AnyObject, Sendable {
    func answer(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response
}

final class DemoServer: Sendable {
    private static let idleLimit = Duration.seconds(120)
    private let listener: AsyncListener

    /// Listens on a port of the kernel's choice.
    init(on loop: EventLoop, address: IPAddress) throws(Errno) {
        listener = try AsyncListener(on: .ip(address, port: 0), loop: loop)
    }

    var port: UInt16 {
        if case .ip(_, let port) = listener.address { port } else { 0 }
    }

    func serve(_ service: any DemoService) {
        let listener = listener
        listener.loop.start {
            while true {
                do {
                    let socket = try await listener.accept()
                    listener.loop.start { await Self.serve(socket, service) }
                } catch {
                    return  // closed: the demonstration ends
                }
            }
        }
    }

    private static func serve(_ socket: AsyncSocket, _ service: any DemoService) async {
        defer { socket.close() }
        var assembler = RequestAssembler()
        while true {
            do {
                while let request = try assembler.next() {
                    let response = service.answer(request, at: socket.loop.wallTime)
                    let method: Method = request.method == "HEAD" ? .head : .get
                    try await socket.write(
                        response.serialized(answering: method), deadline: idleLimit)
                    guard assembler.keepsAlive else { return }
                }
                let octets = try await socket.read(deadline: idleLimit)
                guard !octets.isEmpty else { return }
                assembler.feed(octets.span)
            } catch {
                return  // not HTTP, or gone
            }
        }
    }
}

extension HTTPMessage.Request {
    /// The target up to its query.
    var path: String { String(target.prefix { $0 != "?" }) }

    /// The query as a form; empty where there is none or it is broken.
    var query: Form {
        guard let mark = target.firstIndex(of: "?") else { return Form() }
        let octets = Array(target[target.index(after: mark)...].utf8)
        return Form(parsing: octets.span) ?? Form()
    }

    var form: Form { Form(parsing: body.span) ?? Form() }

    func cookie(_ name: String) -> String? {
        for field in fields where field.name.lowercased() == "cookie" {
            for pair in field.value.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == name else {
                    continue
                }
                return String(parts[1])
            }
        }
        return nil
    }
}

extension HTTPMessage.Response {
    static func html(_ status: Int, _ page: String) -> Self {
        Self(
            status: status,
            fields: [
                (name: "Content-Type", value: "text/html; charset=utf-8"),
                (name: "Cache-Control", value: "no-store"),
                (name: "X-Content-Type-Options", value: "nosniff"),
                (name: "Referrer-Policy", value: "no-referrer"),
            ], body: Array(page.utf8))
    }

    static func json(
        _ status: Int, _ document: String, mediaType: String = "application/json"
    ) -> Self {
        Self(
            status: status,
            fields: [
                (name: "Content-Type", value: mediaType),
                (name: "Cache-Control", value: "no-store"),
            ], body: Array(document.utf8))
    }

    static func redirect(_ location: String, cookie: String? = nil) -> Self {
        var fields = [
            (name: "Location", value: location), (name: "Cache-Control", value: "no-store"),
        ]
        if let cookie { fields.append((name: "Set-Cookie", value: cookie)) }
        return Self(status: 303, fields: fields)
    }
}

extension String {
    /// For HTML text and double-quoted attributes.
    var escapedForHTML: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
