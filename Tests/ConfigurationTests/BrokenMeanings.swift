// Files that can be read, and say what cannot be: the places, names and rules of `gatehouse check`.

/// Each value is one; together they are wrong.
let brokenMeanings = [
    BrokenFile(
        what: "plain http where it can be overheard",
        text: """
            external_url: http://portal.example.com
            provider:
              issuer: http://login.example.com
              client_id: portal
              client_secret: { file: secrets/client }
              scopes: [openid, offline_access]
            session: { keys: { file: secrets/session.keys } }
            upstreams: { api: { url: http://10.0.0.7:8000 } }
            routes: [{ path: /*, upstream: api, graphql: true }]
            """,
        expected: [
            (
                #"1:15: external_url: "http://portal.example.com" does not use https"#,
                "write https://portal.example.com, with tls_terminated: true where something in front ends TLS; http is for loopback hosts"
            ),
            (
                #"3:11: provider.issuer: "http://login.example.com" does not use https"#,
                "write the issuer exactly as the provider's discovery document gives it"
            ),
            (
                "8:26: upstreams.api.url: warning: access tokens are sent to http://10.0.0.7:8000 without TLS",
                "write https, or make sure that nobody else is on the way"
            ),
        ]),
    BrokenFile(
        what: "https outside, listeners in the clear",
        text: """
            external_url: https://portal.example.com/app
            listeners:
              - address: 0.0.0.0:8080
              - { address: 0.0.0.0:8080, tls_terminated: true }
              - address: 127.0.0.1:8081
              - address: unix:run/gatehouse.sock
            admin: { address: 127.0.0.1:8081 }
            """
                + good.droppingFirst(1),
        expected: [
            (
                #"1:15: external_url: "https://portal.example.com/app" is not an origin"#,
                "write scheme, host and port only, such as https://portal.example.com"
            ),
            (
                "4:16: listeners[1].address: 0.0.0.0:8080 is already the address of listeners[0]",
                "give each listener its own address"
            ),
            (
                "7:19: admin.address: 127.0.0.1:8081 is already the address of listeners[2]",
                "give each listener its own address"
            ),
        ]),
    BrokenFile(
        what: "an https external_url over a plain listener",
        text: """
            external_url: https://portal.example.com
            listeners: [{ address: "[::]:8080" }, { address: 0.0.0.0:8081, health_path: /.auth/me }]
            """
                + good.droppingFirst(1),
        expected: [
            (
                "1:1: hsts: warning: is not set, so a browser's first visit may go by http",
                "once https works for good, add hsts: 365d"
            ),
            (
                "2:24: listeners[0].address: [::]:8080 is reached without TLS, and external_url is https",
                "add tls: { certificates: [{ chain: FILE, key: FILE }] }, or set tls_terminated: true if something in front ends TLS"
            ),
            (
                "2:50: listeners[1].address: 0.0.0.0:8081 is reached without TLS, and external_url is https",
                "add tls: { certificates: [{ chain: FILE, key: FILE }] }, or set tls_terminated: true if something in front ends TLS"
            ),
            (
                #"2:77: listeners[1].health_path: "/.auth/me" lies under /.auth/, which has its own pages"#,
                "choose another path, such as /healthz"
            ),
        ]),
    BrokenFile(
        what: "secrets that are not there",
        text: """
            external_url: http://localhost:8080
            provider:
              issuer: http://localhost:9000
              client_id: portal
              client_secret: { env: CLIENT_SECRET }
              ca_file: tls/missing.pem
            session: { keys: { file: secrets/empty } }
            upstreams:
              site: { url: https://127.0.0.1:3000, ca_file: secrets/client, client_key: tls/key.pem }
            routes: [{ path: /*, upstream: site }]
            """,
        files: ["etc/secrets/empty": "\n"],
        expected: [
            (
                "5:25: provider.client_secret.env: the environment variable CLIENT_SECRET is not set",
                "set CLIENT_SECRET in gatehouse's environment, or use { file: PATH }"
            ),
            (
                #"6:12: provider.ca_file: "etc/tls/missing.pem" cannot be read: no such file"#,
                "put the file there, readable by gatehouse's user, or correct the path"
            ),
            (
                #"7:26: session.keys.file: "etc/secrets/empty" is empty"#,
                "write the secret there"
            ),
            (
                "9:9: upstreams.site.client_certificate: is required beside client_key",
                "add client_certificate: PATH"
            ),
            (
                "9:49: upstreams.site.ca_file: holds no PEM block `-----BEGIN CERTIFICATE-----`",
                "convert it to PEM, and check that the path names the right file"
            ),
        ]),
    BrokenFile(
        what: "secrets of every wrong shape",
        text: """
            external_url: http://localhost:8080
            provider:
              issuer: http://localhost:9000?tenant=1
              client_id: portal
              client_secret: hunter2
              client_authentication: none
              scopes: [profile, "open id"]
              authorization_parameters: { state: x, prompt: login }
              accepted_issuers: [""]
            session: { keys: { file: a, env: b } }
            upstreams: { site: { url: http://127.0.0.1:3000 } }
            routes: [{ path: /*, upstream: site }]
            """,
        expected: [
            (
                #"3:11: provider.issuer: "http://localhost:9000?tenant=1" has a query"#,
                "write the issuer exactly as the provider's discovery document gives it"
            ),
            (
                "5:18: provider.client_secret: warning: the secret itself is written in this file",
                "move it to a file of its own and write { file: PATH }, or { env: NAME }"
            ),
            (
                "5:18: provider.client_secret: is there although client_authentication is none",
                "remove the secret, or the line client_authentication: none"
            ),
            (
                "7:11: provider.scopes: does not contain openid, so no ID token would come",
                "add openid to the list"
            ),
            (
                #"7:21: provider.scopes[1]: "open id" is not a scope"#,
                "write one scope for each member, such as [openid, profile]"
            ),
            (
                #"8:31: provider.authorization_parameters.state: "state" cannot be a name here"#,
                "write letters, digits, `-`, `_` and `.`; what a login sets itself is not set here"
            ),
            (
                #"9:22: provider.accepted_issuers[0]: "" is not text"#,
                "write some text"
            ),
            (
                "10:18: session.keys: must name one file or one variable",
                "write { file: PATH } or { env: NAME }"
            ),
        ]),
    BrokenFile(
        what: "routes that name what is not there",
        text: """
            external_url: http://localhost:8080
            provider: { issuer: http://localhost:9000, client_id: portal, client_authentication: none }
            session: { keys: { file: secrets/session.keys } }
            upstreams:
              site: { url: http://127.0.0.1:3000 }
              9lives: { servers: [ftp://x, http://127.0.0.1:3001] }
              both: { url: http://127.0.0.1:1, servers: [http://127.0.0.1:2] }
              none: {}
            routes:
              - { path: /a, upstream: stie }
              - { path: /b, upstream: elsewhere, provider: staff }
              - { path: assets, upstream: site }
              - { path: /x//y, upstream: site, methods: [get] }
              - { path: /c, upstream: site, upstream_path: /v1/* }
              - { path: /d/*, upstream: site, upstream_path: v1, host: "*.*.com" }
              - { path: /e, upstream: site, access: public, token: access_token }
              - { path: /f, upstream: site, limits: { connections: 5, request_body: 1MiB } }
              - { upstream: site }
            """,
        expected: [
            (
                "2:11: provider.scopes: warning: has no offline_access, so a route's access token cannot be refreshed",
                "add offline_access if the provider grants refresh tokens for it"
            ),
            (
                #"6:3: upstreams.9lives: "9lives" cannot be a name here"#,
                "begin with a letter; then letters, digits, `-` and `_`, at most 64"
            ),
            (
                #"6:23: upstreams.9lives.servers[0]: "ftp://x" is not an upstream's URL"#,
                "write http://HOST:PORT, https://HOST or unix:PATH"
            ),
            (
                "7:45: upstreams.both.servers: is there beside url",
                "keep url for one server, servers for several"
            ),
            (
                "8:9: upstreams.none.url: is required",
                "add url: http://HOST:PORT"
            ),
            (
                #"10:27: routes[0].upstream: there is no upstream named "stie""#,
                "did you mean `site`?"
            ),
            (
                #"11:27: routes[1].upstream: there is no upstream named "elsewhere""#,
                "add it under upstreams, or name one of: site, 9lives, both, none"
            ),
            (
                #"11:48: routes[1].provider: there is no provider named "staff""#,
                "add staff under providers"
            ),
            (
                #"12:13: routes[2].path: "assets" is not a path"#,
                "write a path that begins with / and is in its simplest form (no //, no . or .. segment, no needless %); /* at its end covers what lies below"
            ),
            (
                #"13:13: routes[3].path: "/x//y" is not a path"#,
                "write a path that begins with / and is in its simplest form (no //, no . or .. segment, no needless %); /* at its end covers what lies below"
            ),
            (
                #"13:46: routes[3].methods[0]: "get" is not a method"#,
                "write methods in upper case, such as [GET, POST]"
            ),
            (
                #"14:48: routes[4].upstream_path: "/v1/*" needs a route path that ends in /*, and "/c" does not"#,
                "write the one path to send, or path: /c/*"
            ),
            (
                #"15:50: routes[5].upstream_path: "v1" is not a path in its simplest form"#,
                "begin with /; no //, no . or .. segment, no query; /* may end it"
            ),
            (
                #"15:60: routes[5].host: "*.*.com" is not a host"#,
                "write a name (portal.example.com) or *.example.com, without scheme and port"
            ),
            (
                "16:41: routes[6].access: a public route reads no session, so it has no token to send",
                "write access: signed_in or optional, or leave out token"
            ),
            (
                "17:56: routes[7].limits.connections: warning: has no effect on a route: it holds for whole connections",
                "set it once, at the top of the file"
            ),
            (
                "18:5: routes[8].path: is required",
                "add `path: /assets/*` (exact, or ends in /* and covers what lies below at a segment boundary)"
            ),
        ]),
    BrokenFile(
        what: "routes in each other's way",
        text: """
            external_url: http://localhost:8080
            provider: { issuer: http://localhost:9000, client_id: portal, client_authentication: none }
            session: { keys: { file: secrets/session.keys } }
            upstreams: { site: { url: http://127.0.0.1:3000 }, files: { url: http://127.0.0.1:3001 } }
            routes:
              - { path: /.auth/extra, upstream: site }
              - { path: /app/*, upstream: site, methods: [GET] }
              - { path: /app/x, upstream: site, methods: [HEAD] }
              - { path: /docs/*, upstream: site, host: docs.example.com }
              - { path: /safe/*, upstream: site, methods: [POST] }
              - { path: /safe/*, upstream: site }
              - { path: /raw/*, upstream: site, access: public, encoded_slashes: pass, merge_slashes: false }
              - { path: /bulk/*, upstream: files, access: public, encoded_slashes: pass }
              - { path: /*, upstream: site, access: public }
              - { path: /late, upstream: site }
            """,
        expected: [
            (
                "6:13: routes[0].path: warning: no request reaches this route: /.auth/ has its own pages",
                "remove the route, or choose another path"
            ),
            (
                "7:13: routes[1].path: warning: routes[8] is weaker and takes what methods leaves of these paths",
                "add a route for the same paths without methods and with access: signed_in above routes[8]"
            ),
            (
                "8:13: routes[2].path: warning: no request reaches this route: routes[1] takes all of them first",
                "move it above routes[1], or remove it"
            ),
            (
                "9:13: routes[3].path: warning: routes[8] is weaker and takes what host leaves of these paths",
                "add a route for the same paths without host and with access: signed_in above routes[8]"
            ),
            (
                "12:70: routes[6].encoded_slashes: routes[0] is stricter and reaches the same upstream, which may read such a path as one of its",
                "leave encoded_slashes out here, or give the two routes the same access"
            ),
            (
                "12:91: routes[6].merge_slashes: routes[0] is stricter and reaches the same upstream, which may read such a path as one of its",
                "leave merge_slashes out here, or give the two routes the same access"
            ),
            (
                "15:13: routes[9].path: warning: no request reaches this route: routes[8] takes all of them first",
                "move it above routes[8], or remove it"
            ),
        ]),
    BrokenFile(
        what: "identity fields that would be something else",
        text: good + """

            identity:
              headers:
                X-User: sub
                x_user: name
                Cookie: sub
                Content_Length: sub
                X-Forwarded-For: sub
                "X User": sub
                X-Mail: ""
            """,
        expected: [
            (
                "12:5: identity.headers.x_user: is the same field as X-User to an upstream that reads `_` as `-`",
                "keep one of the two"
            ),
            (
                "13:5: identity.headers.Cookie: Cookie belongs to HTTP itself or to the client's credentials",
                "choose another name, such as X-User"
            ),
            (
                "14:5: identity.headers.Content_Length: Content_Length belongs to HTTP itself or to the client's credentials",
                "choose another name, such as X-User"
            ),
            (
                "15:5: identity.headers.X-Forwarded-For: X-Forwarded-For is set by Gatehouse itself",
                "choose another name, such as X-User"
            ),
            (
                #"16:5: identity.headers.X User: "X User" cannot be a name here"#,
                "write letters, digits and `-`, such as X-User"
            ),
            (
                "16:5: identity.headers.X User: is the same field as X-User to an upstream that reads `_` as `-`",
                "keep one of the two"
            ),
            (
                #"17:13: identity.headers.X-Mail: "" is not text"#,
                "write some text"
            ),
        ]),
    BrokenFile(
        what: "TLS where it cannot be, and files that hold something else",
        text: """
            external_url: https://portal.example.com
            listeners:
              - address: 127.0.0.1:8443
                tls: { certificates: [{ chain: tls/key.pem, key: tls/key.pem, ocsp: tls/gone }] }
              - address: 127.0.0.1:8444
                redirect_to_https: true
                tls_terminated: true
                tls:
                  certificates: []
                  client_certificates: optional
                  ticket_keys: tls/tickets
              - { address: 127.0.0.1:8445, tls: { certificates: [{ chain: tls/ca.pem }] } }
            hsts: 30d
            provider: { issuer: https://login.example.com, client_id: p, client_authentication: none }
            session: { keys: { file: secrets/session.keys } }
            upstreams: { site: { url: http://127.0.0.1:3000 } }
            routes: [{ path: /*, upstream: site }]
            """,
        files: ["etc/tls/tickets": "# ours\nQUJD\n"],
        expected: [
            (
                "4:36: listeners[0].tls.certificates[0].chain: holds no PEM block `-----BEGIN CERTIFICATE-----`",
                "convert it to PEM, and check that the path names the right file"
            ),
            (
                #"4:73: listeners[0].tls.certificates[0].ocsp: warning: "etc/tls/gone" cannot be read: no such file"#,
                "put the file there; it is read when it changes"
            ),
            (
                "6:24: listeners[1].redirect_to_https: is for plain listeners, and this one has tls",
                "leave it out, or give the plain listener an entry of its own"
            ),
            (
                "7:21: listeners[1].tls_terminated: is for plain listeners, and this one has tls",
                "leave it out, or give the plain listener an entry of its own"
            ),
            (
                "9:21: listeners[1].tls.certificates: is an empty list",
                "add at least one member"
            ),
            (
                "10:28: listeners[1].tls.client_certificates: warning: has no effect without client_ca",
                "name the authorities in client_ca, or leave it out"
            ),
            (
                #"11:20: listeners[1].tls.ticket_keys: "etc/tls/tickets" holds no key of 80 octets on line 2"#,
                "write 80 random octets in base64 a line: openssl rand -base64 80 | tr -d '\\n'"
            ),
            (
                "12:54: listeners[2].tls.certificates[0].key: is required",
                "add `key: tls/site.key` (the certificate's private key)"
            ),
        ]),
    BrokenFile(
        what: "what proves the client is not there, or cannot",
        text: """
            external_url: https://portal.example.com
            listeners: [{ address: 127.0.0.1:8080, tls_terminated: true }]
            providers:
              short: { issuer: https://a.example.com, client_id: p, client_authentication: client_secret_jwt,
                       client_secret: { file: secrets/client }, response_type: id_token, userinfo: true }
              key: { issuer: https://b.example.com, client_id: p, client_authentication: private_key_jwt }
              tls: { issuer: https://c.example.com, client_id: p, client_authentication: tls_client_auth,
                     client_key: { file: tls/key.pem } }
            session: { keys: { file: secrets/session.keys } }
            upstreams: { site: { url: "http://127.0.0.1:3000" } }
            routes: [{ path: /*, upstream: site }]
            hsts: 30d
            """,
        expected: [
            (
                "5:27: providers.short.client_secret: has 6 octets, and client_secret_jwt needs 32 (RFC 7518 §3.2)",
                "have the provider make a longer secret, or use client_secret_basic"
            ),
            (
                "5:88: providers.short.userinfo: needs an access token, and response_type id_token brings none",
                "leave userinfo out, or use response_type code"
            ),
            (
                "6:8: providers.key.client_key: is required for private_key_jwt",
                "add client_key: { file: PATH } with the PEM key that the provider knows"
            ),
            (
                "7:8: providers.tls.client_certificate: is required for tls_client_auth",
                "add client_certificate: PATH with the PEM certificate that the provider knows"
            ),
            (
                "8:22: providers.tls.client_key: cannot be used: it holds no private key in PEM form (PKCS#8, PKCS#1 or SEC 1)",
                "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
            ),
        ]),
    BrokenFile(
        what: "what comes in a later version",
        text: """
            external_url: https://localhost:8443
            listeners:
              - address: 127.0.0.1:8443
                tls_terminated: true
                proxy_protocol: true
                h2c: true
              - { address: 127.0.0.1:8080, redirect_to_https: true }
            admin: { address: 127.0.0.1:9080, control: unix:control.sock }
            hsts: 30d
            providers:
              staff:
                issuer: https://login.example.com
                client_id: portal
                client_secret: { file: secrets/client }
                client_authentication: client_secret_post
                response_type: code
                response_mode: query
                userinfo: false
                pass_parameters: [login_hint]
                scopes: [openid]
                authorization_parameters: {}
              guests: { issuer: https://guests.example.com, client_id: p, client_authentication: none }
            session:
              storage: redis
              keys: { file: secrets/session.keys }
              redis: { url: redis://127.0.0.1:6379/0 }
              state_directory: state
              cookie: { same_site: strict }
            limits: { minimum_rate: 1KiB, memory: 1GiB }
            upstreams:
              pool: { servers: [http://10.0.0.1:80, http://10.0.0.2:80], balance: least_requests }
              fast: { url: h2c://127.0.0.1:3000, health_check: { path: /healthz } }
            routes:
              - path: /*
                upstream: pool
                scopes: [billing]
                acr_values: [urn:mfa]
                max_age: 1h
                prompt: login
                upgrades: [mqtt, h2c]
            """,
        expected: [
            (
                "5:21: listeners[0].proxy_protocol: warning: lets nobody in: trusted_proxies is empty",
                "name the balancer there, such as trusted_proxies: [10.0.0.0/8]"
            ),
            (
                #"40:22: routes[0].upgrades[1]: "h2c" is not an upgrade"#,
                "name another protocol; h2c, HTTP/* and TLS/* cannot be passed on"
            ),
        ]),
]
