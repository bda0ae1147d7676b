"""The key of a client of the Superfacility API: where it is, and the assertions that it signs."""

import json
import os
import stat
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import AuthenticationError

FOLDER = Path("~/.superfacility")
_HOW = "make one at iris.nersc.gov (Profile, Superfacility API Clients), of the colour red to run commands"


class Key(NamedTuple):
    """A client's id and its private key, as PyJWT takes it."""

    client_id: str
    secret: Any

    def assertion(self, audience: str) -> str:
        """A JWT that proves once who we are."""
        jwt, now = _jwt(), int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": audience,
            "iat": now, "exp": now + 300, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        return str(jwt.encode(claims, self.secret, "RS256"))


def read_key(path: "str | os.PathLike[str] | None", client_id: str | None) -> Key:
    """The key in a file: PEM, with the client's id on its first line unless that is given, or JSON.

    Without a path it is the one of ~/.superfacility. Raises AuthenticationError.
    """
    file = _find() if path is None else Path(path).expanduser()
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text("utf-8-sig")  # some editors put a mark at the beginning
    except (OSError, UnicodeDecodeError) as error:
        raise AuthenticationError(f"cannot read the key {file}: {error}; {_HOW}") from error
    if mode & 0o077:
        raise AuthenticationError(f"the key {file} can be read by others (mode {mode:04o}): chmod 600 {file}")
    try:
        return _json_key(text) if text.lstrip().startswith("{") else _pem_key(text, client_id)
    except (ValueError, KeyError, TypeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else error
        raise AuthenticationError(
            f"{file} is no key of the Superfacility API ({why}): it is PEM with the client's id on line 1, or JSON "
            'with "client_id" and "secret"'
        ) from error


def _find() -> Path:
    folder = FOLDER.expanduser()
    found = sorted(path for path in folder.glob("*") if path.suffix in (".pem", ".json"))
    if not found:
        raise AuthenticationError(
            f"no key for the Superfacility API in {folder}: {_HOW}, and save it there with mode 0600, or name it with "
            "key= or RPROXY_SFAPI_KEY"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise AuthenticationError(f"there is more than one key in {folder}: {names}; name one with key=")
    return found[0]


def _pem_key(text: str, client_id: str | None) -> Key:
    first, _, rest = text.lstrip().partition("\n")
    if first.startswith("-----BEGIN"):
        first, rest = "", text
    return _key(client_id or first.strip(), rest.strip() + "\n")


def _json_key(text: str) -> Key:
    told = json.loads(text)
    return _key(str(told["client_id"] or ""), told["secret"])


def _key(client_id: str, secret: Any) -> Key:
    """Raises ValueError."""
    if not client_id:
        raise ValueError("the client's id is missing; give it with client_id=")
    jwt = _jwt()
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    try:
        key = algorithm.prepare_key(secret) if isinstance(secret, str) else algorithm.from_jwk(secret)
    except (jwt.exceptions.PyJWTError, ValueError, TypeError) as error:
        raise ValueError("its RSA key cannot be read, or is encrypted: save it anew") from error
    if not hasattr(key, "sign"):
        raise ValueError("its key is the public one; the private one is needed")
    return Key(client_id, key)


def _jwt() -> Any:
    try:
        import jwt
    except ImportError as error:
        raise AuthenticationError("sfapi:// needs PyJWT: pip install 'rproxy-remote[sfapi]'") from error
    return jwt
