"""Encrypted tokens (RFC 7516) for the scripted provider: the ways the gateway opens, and some that it must not."""

import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives import hashes, padding as blocks, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tokens import base64url, compact

KEY_OCTETS = {"A128CBC-HS256": 32, "A128GCM": 16, "A256GCM": 32}


def client_key(kind="RSA"):
    """A key for the gateway, and its PEM."""
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if kind == "RSA"
        else ec.generate_private_key(ec.SECP256R1())
    )
    return key, pem(key)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def encrypted(text, public_key, alg="RSA-OAEP-256", enc="A256GCM", header=None, break_at=None):
    """A JWE of the text. `break_at` changes one octet of that part (0 to 4) after it was made."""
    head = {"alg": alg, "enc": enc, "cty": "JWT", **(header or {})}
    if alg.startswith("ECDH"):
        own = ec.generate_private_key(public_key.curve)
        numbers = own.public_key().public_numbers()
        size = (public_key.curve.key_size + 7) // 8
        head["epk"] = {
            "kty": "EC",
            "crv": f"P-{public_key.curve.key_size}",
            "x": base64url(numbers.x.to_bytes(size, "big")),
            "y": base64url(numbers.y.to_bytes(size, "big")),
            **(header or {}).get("epk", {}),
        }
        key = _derived(own.exchange(ec.ECDH(), public_key), enc)
        sealed_key = b""
    else:
        key = os.urandom(KEY_OCTETS[enc])
        digest = hashes.SHA256() if alg.endswith("256") else hashes.SHA1()
        scheme = padding.PKCS1v15() if alg == "RSA1_5" else padding.OAEP(padding.MGF1(digest), digest, None)
        sealed_key = public_key.encrypt(key, scheme)
    head = {name: value for name, value in head.items() if value is not None}
    protected = base64url(compact(head)).encode()
    nonce, ciphertext, tag = _sealed(enc, key, protected, text.encode())
    parts = [protected, sealed_key, nonce, ciphertext, tag]
    if break_at is not None:
        part = bytearray(parts[break_at])
        part[len(part) // 2] ^= 1
        parts[break_at] = bytes(part)
    return ".".join([parts[0].decode(errors="replace")] + [base64url(part) for part in parts[1:]])


def _derived(secret, enc):
    """RFC 7518 section 4.6.2, one round."""
    octets = KEY_OCTETS[enc]
    name = enc.encode()
    other = struct.pack(">I", len(name)) + name + bytes(8) + struct.pack(">I", octets * 8)
    return hashlib.sha256(struct.pack(">I", 1) + secret + other).digest()[:octets]


def _sealed(enc, key, protected, text):
    if enc.endswith("GCM"):
        nonce = os.urandom(12)
        both = AESGCM(key).encrypt(nonce, text, protected)
        return nonce, both[:-16], both[-16:]
    nonce = os.urandom(16)
    padder = blocks.PKCS7(128).padder()
    padded = padder.update(text) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key[16:]), modes.CBC(nonce)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    message = protected + nonce + ciphertext + struct.pack(">Q", len(protected) * 8)
    return nonce, ciphertext, hmac.new(key[:16], message, hashlib.sha256).digest()[:16]
