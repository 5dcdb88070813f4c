// The demonstration provider's token and revocation endpoints: what its client visits (RFC 6749 §4.1.3
// and §6, RFC 7009).

import Cryptography
import HTTP
import JSON
import Values

extension DemoProvider {
    private static let accessTokenLifetime = Duration.seconds(600)

    func token(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response {
        guard isClient(request) else {
            return .json(401, JSON.object(["error": "invalid_client"]).serialized())
        }
        let form = request.form
        let grant: Grant?
        switch form.first("grant_type") {
        case "authorization_code":
            // Taken out as it is looked up: a code counts once.
            let found = memory.withContent { content in
                form.first("code").flatMap { content.codes.removeValue(forKey: $0) }
            }
            let verifier = SHA256.digest(Array((form.first("code_verifier") ?? "").utf8).span)
            grant = found.flatMap { found in
                found.isLiveCode(at: now)
                    && form.first("redirect_uri") == client.redirectURI
                    && Base64URL.encode(verifier.span) == found.challenge ? found : nil
            }
        case "refresh_token":
            // Taken out too: whoever comes with it again has an old one.
            let found = memory.withContent { content in
                form.first("refresh_token").flatMap {
                    content.refreshTokens.removeValue(forKey: $0)
                }
            }
            grant = found.flatMap { $0.isLiveRefreshToken(at: now) ? $0 : nil }
        default:
            return .json(400, JSON.object(["error": "unsupported_grant_type"]).serialized())
        }
        guard let grant else {
            return .json(400, JSON.object(["error": "invalid_grant"]).serialized())
        }
        do throws(KeyFault) {
            return .json(200, try tokenResponse(grant, at: now).serialized())
        } catch {
            return .json(500, JSON.object(["error": "server_error"]).serialized())
        }
    }

    private func tokenResponse(_ grant: Grant, at now: UnixTime) throws(KeyFault) -> JSON {
        let scopes = grant.scope.split(separator: " ")
        var response = JSONObject()
        response["access_token"] = .string(try tokens.sign(accessClaims(grant, at: now)))
        response["token_type"] = "Bearer"
        response["expires_in"] = .number("\(Self.accessTokenLifetime.components.seconds)")
        response["id_token"] = .string(try tokens.sign(idClaims(grant, at: now)))
        if scopes.contains("offline_access") {
            let token = ProviderMemory.random()
            memory.withContent {
                ProviderMemory.bound(&$0.refreshTokens) { $0.isLiveRefreshToken(at: now) }
                $0.refreshTokens[token] = grant
            }
            response["refresh_token"] = .string(token)
        }
        return .object(response)
    }

    private func idClaims(_ grant: Grant, at now: UnixTime) -> JSON {
        let visitor = grant.visitor
        let ends = grant.authenticated + SignedInVisitor.lifetime
        var claims: JSON = [
            "iss": .string(TokenIssuer.issuer), "sub": .string(visitor.userName),
            "aud": [.string(client.id), .string(TokenIssuer.issuer)], "azp": .string(client.id),
            "iat": .number("\(now.seconds)"), "exp": .number("\(ends.seconds)"),
            "session_exp": .number("\(ends.seconds)"),
            "auth_time": .number("\(grant.authenticated.seconds)"),
            "sid": .string(grant.session), "tok_type": "IT",
            "jti": .string(ProviderMemory.random()),
            "user_id": .string(visitor.userID),
            "user_displayname": .string(visitor.displayName),
            "preferred_username": .string(visitor.userName),
            "given_name": .string(visitor.givenName), "family_name": .string(visitor.familyName),
            "email": .string(visitor.email), "email_verified": true,
            "groups": .array(visitor.groups.map { .string($0) }),
        ]
        if let nonce = grant.nonce, case .object(var object) = claims {
            object["nonce"] = .string(nonce)
            claims = .object(object)
        }
        return claims
    }

    private func accessClaims(_ grant: Grant, at now: UnixTime) -> JSON {
        let scopes = grant.scope.split(separator: " ").filter { $0.hasPrefix(audience) }
            .map { $0.dropFirst(audience.count) }
        return [
            "iss": .string(TokenIssuer.issuer), "sub": .string(grant.visitor.userName),
            "aud": .string(audience), "client_id": .string(client.id), "tok_type": "AT",
            "user_id": .string(grant.visitor.userID),
            "scope": .string(scopes.joined(separator: " ")),
            "iat": .number("\(now.seconds)"),
            "exp": .number("\((now + Self.accessTokenLifetime).seconds)"),
            "jti": .string(ProviderMemory.random()),
        ]
    }

    /// RFC 6749 §2.3.1: Basic, or both in the form.
    private func isClient(_ request: HTTPMessage.Request) -> Bool {
        let expected = Array("\(client.id):\(client.secret)".utf8)
        if let field = request.field("Authorization"), field.hasPrefix("Basic "),
            let pair = Base64.decode(Array(field.dropFirst(6).utf8).span)
        {
            return constantTimeEquals(pair.span, expected.span)
        }
        let form = request.form
        let pair = Array(
            "\(form.first("client_id") ?? ""):\(form.first("client_secret") ?? "")".utf8)
        return constantTimeEquals(pair.span, expected.span)
    }

    func revoke(_ request: HTTPMessage.Request) -> HTTPMessage.Response {
        guard isClient(request) else {
            return .json(401, JSON.object(["error": "invalid_client"]).serialized())
        }
        if let token = request.form.first("token") {
            memory.withContent { $0.refreshTokens[token] = nil }
        }
        return .json(200, "{}")
    }
}
