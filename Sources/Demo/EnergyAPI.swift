// The demonstration API over HTTP (GraphQL over HTTP, draft): it wants a bearer token made for it, and
// answers with what the token's subject may see.

import GraphQL
import HTTP
import JSON
import Values

final class EnergyAPI: DemoService {
    static let path = "/util/graphql"
    private let check: BearerCheck

    init(_ check: BearerCheck) { self.check = check }

    func answer(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response {
        guard request.path == Self.path else { return refuse(404, "This API is at \(Self.path).") }
        let claims: JSON
        switch check.check(request.field("Authorization"), at: now) {
        case .good(let good): claims = good
        case .missing:
            return refuse(401, "A bearer token is needed.", challenge: "Bearer realm=\"energy\"")
        case .invalid(let why):
            return refuse(
                401, "The token does not count: \(why).",
                challenge: "Bearer realm=\"energy\", error=\"invalid_token\"")
        case .insufficientScope:
            return refuse(
                403, "The token's scope does not allow this.",
                challenge:
                    "Bearer realm=\"energy\", error=\"insufficient_scope\", scope=\"\(check.scope)\""
            )
        }
        guard let visitor = claims["sub"]?.string.flatMap(Visitor.named) else {
            return refuse(403, "This person has no accounts here.")
        }
        switch request.method {
        case "POST": return post(request, visitor, at: now)
        case "GET", "HEAD": return get(request, visitor, at: now)
        default:
            var response = refuse(405, "Queries come by POST or GET.")
            response.fields.append((name: "Allow", value: "GET, HEAD, POST"))
            return response
        }
    }

    private func post(
        _ request: HTTPMessage.Request, _ visitor: Visitor, at now: UnixTime
    ) -> HTTPMessage.Response {
        let type = (request.field("Content-Type") ?? "").prefix { $0 != ";" }
        guard type.lowercased() == "application/json" else {
            return refuse(415, "Send the query as application/json.")
        }
        let document: JSON
        do { document = try JSON(parsing: request.body.span) } catch {
            return refuse(400, "The request is not JSON.")
        }
        guard let query = document["query"]?.string else {
            return refuse(400, "There is no query.")
        }
        return execute(
            query, document["operationName"]?.string, document["variables"]?.object ?? JSONObject(),
            visitor, at: now)
    }

    private func get(
        _ request: HTTPMessage.Request, _ visitor: Visitor, at now: UnixTime
    ) -> HTTPMessage.Response {
        guard let query = request.query.first("query") else {
            return refuse(400, "There is no query.")
        }
        var variables = JSONObject()
        if let text = request.query.first("variables") {
            do { variables = try JSON(parsing: Array(text.utf8).span).object ?? variables } catch {
                return refuse(400, "The variables are not JSON.")
            }
        }
        return execute(query, request.query.first("operationName"), variables, visitor, at: now)
    }

    private func execute(
        _ query: String, _ operationName: String?, _ variables: JSONObject, _ visitor: Visitor,
        at now: UnixTime
    ) -> HTTPMessage.Response {
        let document: GraphQLDocument
        do throws(GraphQLSyntaxFault) {
            document = try GraphQLDocument(parsing: query)
        } catch {
            let fault = ExecutionFault(
                message: error.what,
                location: GraphQLLocation(line: error.line, column: error.column))
            return respond(400, nil, [fault])
        }
        let result = EnergySchema.executor(at: now).answer(
            document, operationName: operationName, variables: variables,
            source: .visitor(visitor))
        // Without `data` a response is a refusal; what is well-formed and does not fit is 422.
        return respond(result.data == nil ? 422 : 200, result.data, result.errors)
    }

    private func refuse(
        _ status: Int, _ message: String, challenge: String? = nil
    ) -> HTTPMessage.Response {
        var response = respond(status, nil, [ExecutionFault(message: message)])
        if let challenge { response.fields.append((name: "WWW-Authenticate", value: challenge)) }
        return response
    }

    private func respond(
        _ status: Int, _ data: JSON?, _ errors: [ExecutionFault]
    ) -> HTTPMessage.Response {
        var body = JSONObject()
        if !errors.isEmpty { body["errors"] = .array(errors.map(\.json)) }
        if let data { body["data"] = data }
        return .json(
            status, JSON.object(body).serialized(), mediaType: "application/graphql-response+json")
    }
}
