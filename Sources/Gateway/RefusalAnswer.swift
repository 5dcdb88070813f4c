// One refusal, three shapes: a page for a person, an error for a GraphQL client, a problem
// (RFC 9457) for any other program.
//
// Every 401 of ours says how to authenticate, never Basic; `invalid_token` only where a bearer, or
// a session whose token has ended, was presented (RFC 6750 §3).

internal import Configuration
internal import HTTP
internal import JSON
internal import Values

/// To whom a refusal goes, and what it may offer them.
struct Audience {
    var asker = Asker.program
    var isGraphQL = false
    /// Whether a GraphQL client asked for plain JSON and not for its own media type.
    var wantsPlainJSON = false
    var requestID = ""
    /// Absolute; `nil` before the host is known to be ours.
    var loginURL: String?
    /// Whether a bearer was presented, or a session whose token has ended.
    var presentedToken = false
    /// Of a session that is too weak for the route: parameters of the challenge.
    var shortfall: String?
}

/// What is to be said, whoever says it.
struct Statement {
    var status: Int
    var code: String
    var graphQLCode: String
    var title: String
    var sentence: String
    var fields: [(name: String, value: String)]

    init(_ refusal: Refusal) {
        status = refusal.status
        code = refusal.code
        graphQLCode = refusal.graphQLCode
        title = refusal.title
        sentence = refusal.sentence
        fields = refusal.fields
    }

    /// A failure of the server's; it says what happened, and the status gives it a title.
    init(status: Int, code: String, sentence: String) {
        self.status = status
        self.code = code
        graphQLCode = String(code.map { $0 == "-" ? "_" : Character($0.uppercased()) })
        title =
            switch status {
            case 400: "This request is not valid"
            case 408: "This took too long to arrive"
            case 413, 414, 431: "This request is too large"
            case 502, 504: "The site does not answer properly"
            case 503: "The site is not available just now"
            default: status < 500 ? "This request cannot be served" : "Something went wrong here"
            }
        self.sentence = sentence
        fields = status == 503 ? [(name: "Retry-After", value: "5")] : []
    }

    init(_ refusal: LoginRefusal) {
        status = refusal.status
        code = refusal.code
        graphQLCode = String(code.map { $0 == "-" ? "_" : Character($0.uppercased()) })
        title = refusal.title
        sentence = refusal.sentence
        fields = refusal.retryAfter.map { [(name: "Retry-After", value: "\($0)")] } ?? []
    }
}

extension Snapshot {
    func answer(_ statement: Statement, to audience: Audience) -> Answer {
        var answer =
            switch (audience.asker, audience.isGraphQL) {
            case (.person, _): page(statement, audience)
            case (.frame, _): framedPage(statement, audience)
            case (.graphQL, _), (.webSocket, true): graphQLError(statement, audience)
            case (.preflight, _), (.webSocket, false), (.prefetch, _), (.program, _):
                problem(statement, audience)
            }
        for field in statement.fields { answer.add(field.name, field.value) }
        if statement.status == 401 {
            answer.add(
                "WWW-Authenticate",
                challenge
                    + (audience.shortfall.map { ", " + $0 }
                        ?? (audience.presentedToken ? ", error=\"invalid_token\"" : "")))
        }
        answer.code = statement.code
        return answer
    }

    private func page(_ statement: Statement, _ audience: Audience) -> Answer {
        var acts: [Pages.Act] = []
        if let login = audience.loginURL {
            switch statement.status {
            case 401: acts = [Pages.Act("Sign in", login)]
            case 503 where statement.code == Refusal.keptElsewhere.code:
                acts = [Pages.Act("Sign in again", login)]
            case 404, 405: acts = [Pages.Act("To the start page", "/", isQuiet: true)]
            default: break
            }
        }
        return Pages.message(
            status: statement.status, code: statement.code, title: statement.title,
            sentence: statement.sentence, acts: acts, requestID: audience.requestID)
    }

    private func framedPage(_ statement: Statement, _ audience: Audience) -> Answer {
        guard statement.status == 401, let login = audience.loginURL else {
            return page(statement, audience)
        }
        return Pages.framed(
            title: statement.title,
            sentence: "A login cannot be shown inside another page. Open this one by itself.",
            loginURL: login, code: statement.code, requestID: audience.requestID)
    }

    /// GraphQL over HTTP: a response without `data` has a status of 4xx or 5xx, and this media
    /// type.
    private func graphQLError(_ statement: Statement, _ audience: Audience) -> Answer {
        var extensions: JSONObject = [
            "code": .string(statement.graphQLCode), "request_id": .string(audience.requestID),
        ]
        if statement.status == 401, let login = audience.loginURL {
            extensions["login_url"] = .string(login)
        }
        let body: JSON = [
            "errors": [["message": .string(statement.title), "extensions": .object(extensions)]]
        ]
        return json(
            statement.status,
            audience.wantsPlainJSON ? "application/json" : "application/graphql-response+json", body
        )
    }

    private func problem(_ statement: Statement, _ audience: Audience) -> Answer {
        var members: JSONObject = [
            "type": "about:blank", "title": .string(statement.title),
            "status": JSON(statement.status), "detail": .string(statement.sentence),
            "code": .string(statement.code), "request_id": .string(audience.requestID),
        ]
        if statement.status == 401, let login = audience.loginURL {
            members["login_url"] = .string(login)
        }
        return json(statement.status, "application/problem+json", .object(members))
    }

    func json(_ status: Int, _ mediaType: String, _ body: JSON) -> Answer {
        Answer(
            status: status,
            fields: [
                (name: "Content-Type", value: mediaType),
                (name: "X-Content-Type-Options", value: "nosniff"),
            ], body: Array(body.serialized().utf8))
    }
}
