"""The hospital's interface for settlement messages: after 整改 it checks signature, time and number."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import OrderedDict
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .visitor import store_of

FRESH_S: Final = 300
SIGNED: Final = ("amount", "nonce", "timestamp", "visit")
_MOST_NUMBERS: Final = 1000
_MOST_BYTES: Final = 16384


class Numbers:
    """The numbers of messages that were accepted lately; each is accepted once."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def take(self, number: str) -> bool:
        """Remember a number; False where it was there before."""
        if not number or number in self._seen:
            return False
        self._seen[number] = None
        if len(self._seen) > _MOST_NUMBERS:
            self._seen.popitem(last=False)
        return True


async def check_settlement(request: Request) -> Response:
    """Answer `POST /api/settlement-check`: say whether the figures can be settled; nothing is changed."""
    fields = _fields(await request.body())
    if fields is None:
        return _answer(400, "报文格式不对")
    store = store_of(request)
    if store.measures.messages_checked:
        complaint = _complaint(fields, str(request.app.state.message_key))
        if complaint:
            return _answer(403, complaint)
        if not request.app.state.message_numbers.take(fields["nonce"]):
            return _answer(409, "报文重复")
    return _answer(0, "核对通过")


def signature(fields: dict[str, str], key: str) -> str:
    """Return the HMAC-SHA-256 over the signed fields, in order of their names."""
    text = "&".join(f"{name}={fields.get(name, '')}" for name in SIGNED)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _complaint(fields: dict[str, str], key: str) -> str:
    if not hmac.compare_digest(signature(fields, key), fields.get("sign", "")):
        return "签名不符，报文可能被篡改，请重新发送"
    stamp = fields.get("timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > FRESH_S:
        return "报文已过期"
    return ""


def _fields(body: bytes) -> dict[str, str] | None:
    try:
        data = json.loads(body) if len(body) <= _MOST_BYTES else None
    except ValueError:
        return None
    if not isinstance(data, dict) or not {"visit", "amount"} <= set(data):
        return None
    return {str(name): str(value) for name, value in data.items()}


def _answer(code: int, text: str) -> Response:
    return JSONResponse({"code": code, "message": text}, status_code=code or 200)
