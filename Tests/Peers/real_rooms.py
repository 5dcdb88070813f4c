"""A real provider, an API, a site, and a gateway between them."""

from gateway import config_for
from glewlwyd import Glewlwyd
from graphql_api import GraphQLAPI
from idpyoidc_peer import IdPyOIDC
from waiting import free_port

SECRET = "s3cret-of-the-gateway-long-enough-to-sign-with"  # neither provider decodes what RFC 6749 2.3.1 has us encode
LIFETIME = 3
SCOPES = ["openid", "profile", "email", "offline_access"]


class Room:
    """`at_provider` and `of_client` are what the provider and its client have beside the usual; `settings` is added to
    the gateway's `provider`."""

    def __init__(
        self, name, folder, certificates, upstream, run, client="gatehouse", at_provider=None, of_client=None, **settings
    ):
        port = free_port()
        url = f"http://localhost:{port}"
        callback, signed_out = f"{url}/.auth/callback", f"{url}/.auth/signed-out"
        logged_out = f"{url}/.auth/backchannel-logout"
        secret = SECRET if client == "gatehouse" else None
        self.upstream, self.certificates = upstream, certificates
        if name == "glewlwyd":
            self.provider = Glewlwyd(folder / name, certificates, LIFETIME, **(at_provider or {}))
            self.provider.register(client, secret, callback, signed_out, logged_out, **(of_client or {}))
        else:
            about = (secret, callback, signed_out, logged_out)
            more = {**(at_provider or {}), **(of_client or {})}
            self.provider = IdPyOIDC(folder / name, certificates, {client: about}, LIFETIME, **more)
        self.api = GraphQLAPI(self.provider.issuer, certificates)
        self.gateway = run(
            config_for(
                self.provider,
                {"site": upstream, "api": self.api},
                [{"path": "/graphql", "graphql": True, "upstream": "api"}, {"path": "/*", "upstream": "site"}],
                port=port,
                provider={
                    "client_id": client,
                    "ca_file": str(certificates.ca),
                    "scopes": SCOPES,
                    "authorization_parameters": {"prompt": "consent"} if name == "idpyoidc" else {},
                    **(
                        {"client_secret": SECRET}
                        if secret
                        else {"client_secret": None, "client_authentication": "none"}
                    ),
                    **settings,
                },
            )
        )

    def browser(self):
        return self.gateway.browser(ca=self.certificates)

    def sign_in(self, browser, user="alice", password=None, path="/page?a=1"):
        return self.provider.sign_in(browser, browser.open(self.gateway.at(path)), user, password)

    def stop(self):
        self.provider.stop()
        self.api.stop()

    def forget(self):
        """What earlier tests of the file left in the records."""
        self.upstream.forget()
        for record in (self.api.bearers, self.api.refused, self.api.heads):
            record.clear()
        return self
