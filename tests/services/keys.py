"""The client of the Superfacility double: its key, in both forms, and the check of what it signs."""

import json
import os
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "abcdefgh12345"


class Client:
    """A registered client: `pem` and `json` are files with its private key."""

    def __init__(self, folder: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        secret = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
        self.pem = _private(folder / "key.pem", f"{CLIENT}\n{pem.decode()}")
        self.json = _private(folder / "key.json", json.dumps({"client_id": CLIENT, "secret": secret}))
        self._public = key.public_key()
        self._seen: set[str] = set()

    def check(self, assertion: str, audience: str) -> None:
        """Raises jwt.InvalidTokenError for an assertion that is not this client's, or was used before."""
        needed: Any = {"require": ["iss", "sub", "aud", "iat", "exp", "jti"]}
        header = jwt.get_unverified_header(assertion)
        if (header.get("typ"), header.get("alg")) != ("JWT", "RS256"):
            raise jwt.InvalidTokenError("typ is JWT, alg is RS256")
        claims = jwt.decode(assertion, self._public, ["RS256"], audience=audience, options=needed)
        if claims["iss"] != CLIENT or claims["sub"] != CLIENT:
            raise jwt.InvalidTokenError("iss and sub are the client's id")
        if claims["jti"] in self._seen:
            raise jwt.InvalidTokenError("this assertion was used before")
        self._seen.add(claims["jti"])


def _private(path: Path, text: str) -> Path:
    path.write_text(text)
    os.chmod(path, 0o600)
    return path
