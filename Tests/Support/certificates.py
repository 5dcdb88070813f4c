"""A certificate authority for one test run, made with the openssl command.

Each certificate names localhost, 127.0.0.1 and ::1, and what else is asked for. `ca` is the file for
`provider.ca_file` and for the test clients.
"""

import ssl
import subprocess
from pathlib import Path


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class TestCertificates:
    """The authority and what it has signed, in one folder."""

    __test__ = False  # not a test class, whatever its name begins with

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self._ca_key = self.folder / "ca.key"
        _openssl(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            30,
            "-subj",
            "/CN=Gatehouse test CA",
            "-keyout",
            self._ca_key,
            "-out",
            self.ca,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        )

    def issue(self, name="localhost", *names, days=10):
        """A certificate chain file and its key file, for the name and the loopback ones."""
        key, request, chain = (self.folder / f"{name}{end}" for end in (".key", ".csr", ".pem"))
        if chain.exists():
            return chain, key
        every = dict.fromkeys([name, "localhost", *names])
        alternatives = ",".join([*(f"DNS:{n}" for n in every), "IP:127.0.0.1", "IP:::1"])
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            key,
            "-out",
            request,
        )
        _openssl(
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            self.ca,
            "-CAkey",
            self._ca_key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            extensions,
            "-out",
            chain,
        )
        return chain, key

    def server_context(self, name="localhost", *names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, *names))
        return context

    def client_context(self):
        return ssl.create_default_context(cafile=self.ca)
