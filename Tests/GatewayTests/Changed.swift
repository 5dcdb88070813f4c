// Configurations that no file can say yet: those of keys that arrive later, whose rules are here.

import HTTP
import Values

@testable import Configuration

extension Configuration {
    func with(
        providers: [ProviderSettings]? = nil, routes: [RouteSettings]? = nil
    ) -> Configuration {
        Configuration(
            externalURL: externalURL, listeners: listeners, admin: admin, threads: threads,
            trustedProxies: trustedProxies, hsts: hsts, providers: providers ?? self.providers,
            session: session, limits: limits, timeouts: timeouts, log: log, upstreams: upstreams,
            routes: routes ?? self.routes, identity: identity)
    }
}

extension ProviderSettings {
    func with(name: String? = nil, host: String? = nil, passing: [String] = []) -> ProviderSettings
    {
        let issuer = host.map { "https://\($0)" } ?? self.issuer
        return ProviderSettings(
            name: name ?? self.name, issuer: issuer,
            issuerURL: HTTPURL(parsing: issuer) ?? issuerURL, preset: preset,
            acceptedIssuers: acceptedIssuers, clientID: clientID, clientSecret: clientSecret,
            clientAuthentication: clientAuthentication, clientKey: clientKey,
            clientPrivateKey: clientPrivateKey, clientKeyID: clientKeyID,
            assertionAudience: assertionAudience, clientCertificate: clientCertificate,
            responseType: responseType,
            responseMode: responseMode, pushedRequests: pushedRequests, userinfo: userinfo,
            acceptedAudiences: acceptedAudiences,
            scopes: scopes, authorizationParameters: authorizationParameters,
            passParameters: passing, ca: ca)
    }
}

extension RouteSettings {
    func with(
        providers: [Int]? = nil, scopes: [String] = [], acrValues: [String] = [],
        maxAge: Duration? = nil
    ) -> RouteSettings {
        RouteSettings(
            index: index, path: path, host: host, methods: methods, upstream: upstream,
            upstreamPath: upstreamPath, access: access, injectsToken: injectsToken,
            tokenAudience: tokenAudience, graphQL: graphQL, cookies: cookies, identity: identity,
            encodedSlashesPass: encodedSlashesPass, mergeSlashes: mergeSlashes, limits: limits,
            timeouts: timeouts, providers: providers ?? self.providers, scopes: scopes,
            acrValues: acrValues, maxAge: maxAge, prompt: prompt, upgrades: upgrades, name: name)
    }
}
