"""A GraphQL API by other hands: graphql-core executes, and nothing is executed for a bearer it cannot verify.

It reads the provider's key set over https as any resource server would, checks the signature (cryptojwt), issuer and
end of each access token, and answers 401 to the rest.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptojwt.jwk.jwk import key_from_jwk_dict
from cryptojwt.jws.jws import JWS
from graphql import build_schema, graphql_sync

from browser import Browser
from tokens import decode64

SCHEMA = build_schema("""
    type Query { me: Person!, billingAccountsConnection(first: Int = 10, onlyActive: Boolean): Accounts! }
    type Person { sub: String!, scope: String }
    type Accounts { totalCount: Int!, edges: [AccountEdge!]! }
    type AccountEdge { node: Account! }
    type Account { id: ID!, uses(unit: String = "kWh"): [Float!]! }
    type Mutation { rename(name: String!): Person! }
""")


class GraphQLAPI:
    """Serves until `stop`; `bearers` are the verified tokens' claims, `refused` counts the rest."""

    def __init__(self, issuer, certificates):
        self.issuer, self.bearers, self.refused, self.heads = issuer, [], [], []
        self._browser = Browser(ca=certificates)
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.heads.append(self.headers)
                status, value = api.answer(self.headers, content)
                octets = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/graphql-response+json")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def keys(self):
        document = self._browser.fetch(f"{self.issuer}/.well-known/openid-configuration").json
        return [key_from_jwk_dict(key) for key in self._browser.fetch(document["jwks_uri"]).json["keys"]]

    def claims(self, head):
        """The verified claims of the request's bearer, or an exception."""
        scheme, _, bearer = (head.get("Authorization") or "").partition(" ")
        if scheme != "Bearer":
            raise ValueError(f"no bearer but {scheme!r}")
        algorithm = json.loads(decode64(bearer.split(".")[0]))["alg"]
        if algorithm not in ("RS256", "ES256"):
            raise ValueError(f"signed with {algorithm}")
        claims = JWS(alg=algorithm).verify_compact(bearer, keys=self.keys(), sigalg=algorithm)
        if claims["iss"] != self.issuer or claims["exp"] <= time.time():
            raise ValueError("of another issuer, or ended")
        return claims

    def answer(self, head, content):
        try:
            claims = self.claims(head)
        except Exception as problem:
            self.refused.append(repr(problem))
            return 401, {"errors": [{"message": "the bearer does not hold"}]}
        self.bearers.append(claims)
        asked = json.loads(content)
        accounts = [
            {"node": {"id": f"{claims['sub'][:8]}-{i}", "uses": lambda info, unit: [1.5, 2.25, 3.0]}} for i in range(2)
        ]
        root = {
            "me": {"sub": claims["sub"], "scope": claims.get("scope")},
            "billingAccountsConnection": lambda info, first, onlyActive=None: {
                "totalCount": 2,
                "edges": accounts[:first],
            },
            "rename": lambda info, name: {"sub": name},
        }
        result = graphql_sync(
            SCHEMA,
            asked["query"],
            root,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        return (400 if result.data is None else 200), result.formatted
