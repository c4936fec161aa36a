"""One-time codes of approvers (TOTP, RFC 6238): six digits, 30 seconds, each believed once."""

from __future__ import annotations

import binascii
from datetime import datetime

import pyotp

from registry_core.errors import ConfigError
from resources.configuration.secrets import SecretName, read_secret

#: Steps before and after that are believed too: clocks differ, and people type slowly (RFC 6238, 5.2).
_STEPS_AROUND = 1


def counter_of_code(secret: SecretName, code: str, *, at: datetime) -> int | None:
    """The time step of a code that is right at `at`; None for a wrong one.

    The step is what is stored, so that a code that was seen in a run's config is worth nothing afterwards. Raises
    ConfigError where the secret cannot be read or is no base32; never with the secret.
    """
    typed = "".join(code.split())
    try:
        totp = pyotp.TOTP(read_secret(secret).replace(" ", ""))
        now = totp.timecode(at)
        for counter in range(now - _STEPS_AROUND, now + _STEPS_AROUND + 1):
            if pyotp.utils.strings_equal(typed, totp.generate_otp(counter)):
                return counter
    except (binascii.Error, ValueError):
        # Unchained: the exception may quote the secret.
        raise ConfigError("this is no TOTP secret of 112 bits or more; write base32 (A-Z, 2-7; 23 characters or more)",
                          subject=str(secret)) from None  # fmt: skip
    return None
