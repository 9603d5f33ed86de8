"""SIGN-IN-WITH-X: a wallet says who asks, by a signed message of its own for each request. It never pays.

The message is EIP-4361's, the signature EIP-191's; a header is the JSON of both in base64, as the
endpoint takes it (facts sheet, section 6.2): at most five minutes old, and each nonce once.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from ...common.errors import ModelUnavailable

HEADER = "SIGN-IN-WITH-X"
_CHAIN = 8453  # Base
_SECONDS = 300
_STATEMENT = "Sign in to Venice API"


class Wallet:
    """Signs in with one key.

    Args:
        key: the private key, 32 bytes in hexadecimal.
        url: of the endpoint; its host is the domain that is signed for.
        now: Unix seconds.
        nonce: letters and digits, at least 8, new on every call.
    """

    def __init__(
        self,
        key: str,
        url: str,
        now: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._key = key
        self._url = urlsplit(url)
        self._now = now
        self._nonce = nonce

    def header(self) -> str:
        """The value of a new header, for one request.

        Raises:
            ModelUnavailable: eth-account is not installed.
        """
        deepest = sys.getrecursionlimit()
        try:
            from eth_account import Account
            from eth_account.messages import encode_defunct
        except ImportError:
            raise ModelUnavailable(
                "A wallet signs in with the Python package eth-account, which is not installed. Install "
                "multi-edit[wallet], or use an API key."
            ) from None
        finally:
            # A package that eth-account brings raises it for the process, beyond the stack that is there.
            sys.setrecursionlimit(deepest)
        account = Account.from_key(self._key)
        now = int(self._now())
        message = self._message(account.address, now)
        signed = Account.sign_message(encode_defunct(text=message), self._key)
        payload = {
            "address": account.address,
            "message": message,
            "signature": "0x" + bytes(signed.signature).hex(),
            "chainId": _CHAIN,
            "timestamp": now * 1000,
        }
        return base64.b64encode(json.dumps(payload).encode()).decode()

    def _message(self, address: str, now: int) -> str:
        """The text of EIP-4361, line by line."""
        return (
            f"{self._url.hostname} wants you to sign in with your Ethereum account:\n{address}\n\n"
            f"{_STATEMENT}\n\n"
            f"URI: {self._url.scheme}://{self._url.netloc}\nVersion: 1\nChain ID: {_CHAIN}\n"
            f"Nonce: {self._nonce()}\nIssued At: {_iso(now)}\nExpiration Time: {_iso(now + _SECONDS)}"
        )


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
