// The front of the room: everything behind `gatehouse demo` but the gateway itself.
//
// A provider, a site and an API on loopback ports of the kernel's choice, and the configuration that
// puts a gateway in front of them. The provider is at 127.0.0.1 and the gateway at localhost, so that
// their cookies stay apart, as those of two hosts do: cookies know no ports.

import Cryptography
package import Platform
import Values

package struct Demo: Sendable {
    /// For the gateway, as it would stand in a file.
    package let configuration: String

    private static let audience = "urn:demo:energy:"

    /// Starts all three on a loop of the caller's; they serve for as long as it runs.
    /// - Parameter port: where the gateway will listen.
    package static func start(on loop: EventLoop, gatewayPort port: UInt16) throws -> Demo {
        let loopback = IPAddress.v4(0x7F00_0001)
        let gateway = "http://localhost:\(port)"
        let client = RegisteredClient(
            id: "demo-portal", secret: Base64URL.encode(RandomOctets.make(24).span),
            redirectURI: gateway + "/.auth/callback",
            postLogoutRedirectURI: gateway + "/.auth/signed-out")
        let providerServer = try DemoServer(on: loop, address: loopback)
        let siteServer = try DemoServer(on: loop, address: loopback)
        let apiServer = try DemoServer(on: loop, address: loopback)
        let provider = DemoProvider(
            origin: "http://127.0.0.1:\(providerServer.port)", client: client, audience: audience,
            tokens: try TokenIssuer())
        providerServer.serve(provider)
        siteServer.serve(DemoSite())
        apiServer.serve(
            EnergyAPI(
                BearerCheck(key: provider.tokens.publicKey, audience: audience, scope: "read")))
        return Demo(
            configuration: configuration(
                gateway: gateway, port: port, provider: provider, site: siteServer.port,
                api: apiServer.port, hasIPv6: hasIPv6(loop)))
    }

    /// Browsers try `localhost` at both addresses, and not every machine has the second.
    private static func hasIPv6(_ loop: EventLoop) -> Bool {
        do throws(Errno) {
            try AsyncListener(on: .ip(.v6(0, 1), port: 0), loop: loop).close()
            return true
        } catch { return false }
    }

    private static func configuration(
        gateway: String, port: UInt16, provider: DemoProvider, site: UInt16, api: UInt16,
        hasIPv6: Bool
    ) -> String {
        """
        external_url: \(gateway)
        listeners:
          - address: 127.0.0.1:\(port)\(hasIPv6 ? "\n  - address: \"[::1]:\(port)\"" : "")
        provider:
          issuer: \(provider.origin)
          preset: idcs
          client_id: \(provider.client.id)
          client_secret: \(provider.client.secret)
          scopes: [openid, profile, email, groups, offline_access, "\(audience)read"]
        upstreams:
          site: { url: "http://127.0.0.1:\(site)" }
          energy: { url: "http://127.0.0.1:\(api)" }
        routes:
          - { path: "/assets/*", access: public, upstream: site }
          - { path: /graphql, graphql: true, upstream: energy, upstream_path: \(EnergyAPI.path) }
          - { path: "/*", upstream: site }
        identity:
          headers:
            X-Forwarded-User: sub
            X-Forwarded-Name: user_displayname
            X-Forwarded-Email: email
            X-Forwarded-Groups: groups

        """
    }
}
