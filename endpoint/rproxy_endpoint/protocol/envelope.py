"""The envelope of a request or an answer that travels by a file, or in what a command prints.

Rules: services and shared file systems cut, mix and delay what they carry, so that what arrives counts only
if it is proven to be whole: a trailer that only this very command can know tells the size and the CRC-32 of
what is before it. What comes after the trailer is noise.
"""

import binascii
import re
from typing import Optional


def seal(token: str, data: bytes, text: bool = False) -> bytes:
    """The data and its trailer; with `text` the data are in base64."""
    trailer = "<rproxy:%s-end-%d-%08x>" % (token[::-1], len(data), binascii.crc32(data))
    body = binascii.b2a_base64(data, newline=False) if text else data
    return b"".join([body, trailer.encode("ascii")])


def unseal(token: str, sealed: bytes, text: bool = False) -> Optional[bytes]:
    """The data of an envelope, or None if it is not whole."""
    found = re.search(b"<rproxy:%s-end-([0-9]+)-([0-9a-f]{8})>" % token[::-1].encode("ascii"), sealed)
    if found is None:
        return None
    data = sealed[: found.start()]
    if text:
        data = b"".join(data.split())  # some services break lines
        try:
            data = binascii.a2b_base64(data)
        except binascii.Error:
            return None
    whole = len(data) == int(found.group(1)) and binascii.crc32(data) == int(found.group(2), 16)
    return data if whole else None
