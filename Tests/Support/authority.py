"""An authority whose certificates can be anything a test asks for: kinds of key, dates, subjects, OCSP answers.

`TestCertificates` makes the usual ones; this is for what is about certificates.
"""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _now():
    return datetime.datetime.now(datetime.timezone.utc)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Its own certificate is `ca`; `issue` writes PEM.pem and PEM.key below its folder."""

    def __init__(self, folder, name="Test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            self._builder(self._name, self._key.public_key(), (-1, 60))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = self.folder / "ca.pem"
        self.ca.write_bytes(_pem(self._certificate))
        self._issued = {}

    def _builder(self, subject, public_key, days):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_now() + datetime.timedelta(days=days[0]))
            .not_valid_after(_now() + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )

    def issue(self, stem, *names, kind="ec", subject=None, days=(-1, 30)):
        """A chain file and a key file; a second time for the same stem, in their place. `subject` is RFC 4514 text."""
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        subject = x509.Name.from_rfc4514_string(subject or f"CN={names[0] if names else stem}")
        builder = self._builder(subject, key.public_key(), days)
        if names:
            general = [
                x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() or ":" in n else x509.DNSName(n) for n in names
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self._issued[stem] = certificate
        chain, file = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        # The key first: the pair is whole once the chain is there.
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        chain.write_bytes(_pem(certificate) + _pem(self._certificate))
        return chain, file

    def serial(self, stem):
        return self._issued[stem].serial_number

    def ocsp(self, stem, status=ocsp.OCSPCertStatus.GOOD, hours=(-1, 24)):
        """An OCSP answer (DER) for a certificate."""
        revoked = status == ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=self._issued[stem],
            issuer=self._certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=_now() + datetime.timedelta(hours=hours[0]),
            next_update=_now() + datetime.timedelta(hours=hours[1]),
            revocation_time=_now() if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, self._certificate)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
