"""Which questions `password=` answers: the same ones over each way by SSH."""

import re

_WANTED = re.compile(r"password|passcode|otp|verification code", re.IGNORECASE)


def wants_password(prompt: str) -> bool:
    """Whether a prompt is for a password, a one-time code, or both in one."""
    return bool(_WANTED.search(prompt))
