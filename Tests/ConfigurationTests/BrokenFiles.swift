// Files with something wrong, each with every line that `gatehouse check` prints for it.

import Testing

struct BrokenFile: Sendable, CustomTestStringConvertible {
    let what: String
    let text: String
    var files: [String: String] = [:]
    var environment: [String: String] = [:]
    /// Each problem from its line number on, and the remedy.
    let expected: [(problem: String, fix: String)]

    var testDescription: String { what }
}

let brokenFiles = brokenForms + brokenMeanings

/// What cannot be read as what it should be.
let brokenForms = [
    BrokenFile(
        what: "an empty file", text: "# nothing yet\n",
        expected: [
            (
                "1:1: external_url: is required",
                "add `external_url: https://portal.example.com` (the origin browsers see)"
            ),
            (
                "1:1: upstreams: is required",
                "add `upstreams: { site: { url: http://127.0.0.1:3000 } }` (where requests are forwarded to, by name)"
            ),
            (
                "1:1: routes: is required",
                "add `routes: [{ path: /*, upstream: site }]` (which requests go where; the first match wins, no match is 404)"
            ),
            (
                "1:1: provider: is required",
                "add `provider:` with the issuer and client_id of the OpenID Provider"
            ),
            (
                "1:1: session.keys: warning: is not set, so sessions end with the process",
                "run `gatehouse keys new FILE` and add keys: { file: FILE }"
            ),
        ]),
    BrokenFile(
        what: "misspelt keys",
        text: """
            external_ulr: http://localhost:8080
            listners: []
            provider:
              issuer: http://localhost:9000
              clientID: portal
              client_authentication: none
              loglevel: debug
            issuer: x
            session: { keys: { flie: secrets/session.keys }, idle_timout: 30m }
            upstreams: { site: { url: http://127.0.0.1:3000, adress: x } }
            routes:
              - { path: /*, upstream: site, require: admins }
            """,
        expected: [
            (
                "1:1: external_ulr: is not a known key",
                "did you mean `external_url`?"
            ),
            (
                "1:1: external_url: is required",
                "add `external_url: https://portal.example.com` (the origin browsers see)"
            ),
            (
                "2:1: listners: is not a known key",
                "did you mean `listeners`?"
            ),
            (
                "4:3: provider.client_id: is required",
                "add `client_id: portal` (the name the provider knows us by)"
            ),
            (
                "5:3: provider.clientID: is not a known key",
                "did you mean `client_id`?"
            ),
            (
                "7:3: provider.loglevel: is not a known key",
                "the keys here are: issuer, preset, accepted_issuers, client_id, client_secret, client_authentication, client_key, client_key_id, client_assertion_audience, client_certificate, response_type, response_mode, userinfo, pushed_authorization_requests, accepted_audiences, scopes, authorization_parameters, pass_parameters, ca_file"
            ),
            (
                "8:1: issuer: is not a known key",
                "`issuer` belongs under `provider`"
            ),
            (
                "9:20: session.keys.flie: is not a known key",
                "did you mean `file`?"
            ),
            (
                "9:50: session.idle_timout: is not a known key",
                "did you mean `idle_timeout`?"
            ),
            (
                "10:50: upstreams.site.adress: is not a known key",
                "the keys here are: url, servers, host, via, ca_file, server_name, client_certificate, client_key, balance, health_check"
            ),
            (
                "12:33: routes[0].require: is not a known key",
                "the keys here are: path, host, methods, upstream, upstream_path, access, token, token_audience, graphql, cookies, identity, encoded_slashes, merge_slashes, limits, timeouts, provider, providers, scopes, acr_values, max_age, prompt, upgrades"
            ),
        ]),
    BrokenFile(
        what: "values of the wrong type",
        text: """
            external_url: [http://localhost:8080]
            threads: many
            trusted_proxies: 10.0.0.0/8
            hsts: 1y
            listeners:
              - 127.0.0.1:8080
              - { address: example.com:80, h2c: yes }
              - { address: "::1:8080", health_path: healthz }
            provider: { issuer: login, client_id: , client_authentication: basic, scopes: openid }
            session: { keys: { file: secrets/session.keys }, lifetime: 8 hours, cookie: lax }
            limits: { request_body: 10MB, request_fields: 0, connections: "+5" }
            timeouts: { connect: 5, request: 0s }
            log: { level: verbose, access: on }
            upstreams: { site: http://127.0.0.1:3000 }
            routes: { path: /*, upstream: site }
            """,
        expected: [
            (
                "1:15: external_url: must be one value, not a list",
                "write scheme, host and port only, such as https://portal.example.com"
            ),
            (
                #"2:10: threads: "many" is not `auto` or integer from 1 to 1024"#,
                "write auto, or a whole number from 1 to 1024"
            ),
            (
                #"3:18: trusted_proxies: must be a list, not "10.0.0.0/8""#,
                "write it in brackets, [a, b], or one `- ` line for each member"
            ),
            (
                #"4:7: hsts: "1y" is not a duration"#,
                "write a duration from 0s to 3650d, such as 500ms, 30s, 15m, 8h or 30d"
            ),
            (
                #"6:5: listeners[0]: must be a mapping of keys, not "127.0.0.1:8080""#,
                "write one or more of: address, tls, proxy_protocol, tls_terminated, h2c, health_path, redirect_to_https"
            ),
            (
                #"7:16: listeners[1].address: "example.com:80" is not an address to listen on"#,
                "write an address and a port (127.0.0.1:8080, 0.0.0.0:8080, [::]:8080) or unix:PATH"
            ),
            (
                #"7:37: listeners[1].h2c: "yes" is not true or false"#,
                "write true or false"
            ),
            (
                #"8:16: listeners[2].address: "::1:8080" is not an address to listen on"#,
                "write an address and a port (127.0.0.1:8080, 0.0.0.0:8080, [::]:8080) or unix:PATH"
            ),
            (
                #"8:41: listeners[2].health_path: "healthz" is not a URL path"#,
                "write a path that begins with / and is in its simplest form"
            ),
            (
                #"9:21: provider.issuer: "login" is not a URL"#,
                "write the issuer exactly as the provider's discovery document gives it"
            ),
            (
                "9:39: provider.client_id: has no value",
                "give it a value (text), or leave the key out"
            ),
            (
                #"9:64: provider.client_authentication: "basic" is not one of: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth, none"#,
                "write one of: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth, none"
            ),
            (
                #"9:79: provider.scopes: must be a list, not "openid""#,
                "write it in brackets, [a, b], or one `- ` line for each member"
            ),
            (
                #"10:60: session.lifetime: "8 hours" is not a duration"#,
                "write a duration from 1s to 400d, such as 500ms, 30s, 15m, 8h or 30d"
            ),
            (
                #"10:77: session.cookie: must be a mapping of keys, not "lax""#,
                "write one or more of: name, same_site, budget"
            ),
            (
                #"11:25: limits.request_body: "10MB" is not a size"#,
                "write a size from 0 to 1048576GiB, such as 16KiB or 1MiB"
            ),
            (
                #"11:47: limits.request_fields: "0" is not an integer from 1 to 10000"#,
                "write a whole number from 1 to 10000"
            ),
            (
                #"11:63: limits.connections: "+5" is not an integer from 1 to 10000000"#,
                "write a whole number from 1 to 10000000"
            ),
            (
                #"12:22: timeouts.connect: "5" is not a duration"#,
                "write a duration from 1ms to 30d, such as 500ms, 30s, 15m, 8h or 30d"
            ),
            (
                #"12:34: timeouts.request: "0s" is not a duration"#,
                "write a duration from 1ms to 30d, such as 500ms, 30s, 15m, 8h or 30d"
            ),
            (
                #"13:15: log.level: "verbose" is not one of: debug, info, warning, error"#,
                "write one of: debug, info, warning, error"
            ),
            (
                #"13:32: log.access: "on" is not true or false"#,
                "write true or false"
            ),
            (
                #"14:20: upstreams.site: must be a mapping of keys, not "http://127.0.0.1:3000""#,
                "write one or more of: url, servers, host, via, ca_file, server_name, client_certificate, client_key, balance, health_check"
            ),
            (
                "15:9: routes: must be a list, not a mapping",
                "write it in brackets, [a, b], or one `- ` line for each member"
            ),
        ]),
    BrokenFile(
        what: "YAML that does not parse",
        text:
            "external_url: http://localhost:8080\nroutes: [{ path: /*, upstream: site }\nlog: {}\n",
        expected: [
            (
                "3:1: yaml: while parsing a flow sequence, did not find expected ',' or ']'",
                "check the indentation, quotes and brackets on this line and the one above"
            )
        ]),
    BrokenFile(
        what: "keys written twice, anchors and tags, beside other problems",
        text: """
            external_url: http://localhost:8080
            external_url: http://localhost:8081
            provider: &p { issuer: http://localhost:9000, client_id: !!str x, client_authentication: none }
            session: { keys: { file: secrets/session.keys } }
            upstreams: { site: { url: http://127.0.0.1:3000/app } }
            routes: [{ path: /*, upstream: site }]
            """,
        expected: [
            (
                #"2:1: external_url: the key "external_url" is already on line 1"#,
                "keep one of the two"
            ),
            (
                "3:11: yaml: anchors (&) are not read here",
                "write the value out in each place"
            ),
            (
                "3:58: yaml: tags (!) are not read here",
                "leave the tag out; the key says what type it takes"
            ),
            (
                #"5:27: upstreams.site.url: "http://127.0.0.1:3000/app" has a path; an upstream is an origin"#,
                "leave the path out here and write it as upstream_path of the route"
            ),
        ]),
]

/// A file that is served without a word, but for the warnings that tests leave aside.
let good = """
    external_url: http://localhost:8080
    provider:
      issuer: http://localhost:9000
      client_id: portal
      client_secret: { file: secrets/client }
    session: { keys: { file: secrets/session.keys } }
    upstreams: { site: { url: http://127.0.0.1:3000 } }
    routes: [{ path: /*, upstream: site }]
    """

extension String {
    /// Without its first lines.
    func droppingFirst(_ lines: Int) -> String {
        "\n"
            + split(separator: "\n", omittingEmptySubsequences: false).dropFirst(lines)
            .joined(separator: "\n")
    }
}
