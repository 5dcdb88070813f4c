"""Keys and signed tokens for the scripted provider: right ones, and every wrong one a test can think of.

A token is made of a header, claims and a signature, each of which a test may replace by octets of its own.
"""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def base64url(octets):
    octets = octets.encode() if isinstance(octets, str) else octets
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    """JSON without spaces; octets and text stay as they are, for what is no JSON."""
    return value if isinstance(value, (bytes, str)) else json.dumps(value, separators=(",", ":"))


def claims_of(token):
    """A token's claims, unverified."""
    return json.loads(decode64(token.split(".")[1]))


CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


class SigningKey:
    """A key with a key id, of the kind that the algorithm needs."""

    def __init__(self, kid="key-1", algorithm="RS256", bits=2048):
        self.kid, self.algorithm = kid, algorithm
        if algorithm == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.generate()
        elif algorithm.startswith("ES"):
            self.key = ec.generate_private_key(CURVES[algorithm]())
        else:
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def sign(self, octets, algorithm=None):
        algorithm = algorithm or self.algorithm
        if algorithm == "EdDSA":
            return self.key.sign(octets)
        digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512, "RS1": hashes.SHA1}[
            algorithm[-3:]
        ]()
        if algorithm.startswith("ES"):
            r, s = utils.decode_dss_signature(self.key.sign(octets, ec.ECDSA(digest)))
            return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")
        if algorithm.startswith("PS"):
            salted = padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)
            return self.key.sign(octets, salted, digest)
        return self.key.sign(octets, padding.PKCS1v15(), digest)

    @property
    def size(self):
        """Of a number of an elliptic curve key."""
        return (self.key.curve.key_size + 7) // 8

    @property
    def jwk(self):
        """The public half, as a member of a key set."""
        if self.algorithm == "EdDSA":
            x = base64url(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
            return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": x}
        public = self.key.public_key().public_numbers()
        number = lambda n: base64url(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        if isinstance(public, ec.EllipticCurvePublicNumbers):
            point = {n: base64url(getattr(public, n).to_bytes(self.size, "big")) for n in "xy"}
            return {"kty": "EC", "crv": f"P-{public.curve.key_size}", "use": "sig", "alg": self.algorithm, "kid": self.kid, **point}
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": self.algorithm,
            "kid": self.kid,
            "n": number(public.n),
            "e": number(public.e),
        }


def token(key, claims, header=None, signature=None):
    """A signed token. `header` adds to the usual one (None takes a member away); `signature` gets the signed octets."""
    head = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid}
    if isinstance(header, (bytes, str)):
        head = header
    else:
        head.update(header or {})
        head = {name: value for name, value in head.items() if value is not None}
    signed = f"{base64url(compact(head))}.{base64url(compact(claims))}"
    octets = signature(signed.encode()) if signature else key.sign(signed.encode())
    return f"{signed}.{base64url(octets)}"


def hmac_signature(secret):
    return lambda octets: hmac.new(secret.encode(), octets, hashlib.sha256).digest()


def half_hash(text, algorithm="RS256"):
    """`at_hash` and its kin: the left half of the hash that the signature's algorithm takes."""
    name = "512" if algorithm == "EdDSA" else algorithm[-3:]
    digest = hashlib.new(f"sha{name}", text.encode()).digest()
    return base64url(digest[: len(digest) // 2])


def s256(verifier):
    """A PKCE challenge, RFC 7636 section 4.2."""
    return base64url(hashlib.sha256(verifier.encode()).digest())
