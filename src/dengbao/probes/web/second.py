"""The second step of a login: sees that it is asked for, and takes it with a code of the account's seed."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

import msgspec

from ...errors import NotSupported, ProbeError
from ...model import Account, Application, Marker, SecondFactor, WebAsset
from ..base import Context
from .browser import Browser, Chain, clean_url, referer
from .facts import LoginSeen
from .login import Attempt, csrf_token, matches
from .otp import fresh_code, read_seed

_CODE_FIELD: Final = re.compile(
    r"otp|totp|2fa|mfa|tfa|two.?factor|one.?time|passcode|auth(entication)?.?code|verif(y|ication)?.?code"
    r"|sms.?code|动态|验证码",
    re.IGNORECASE,
)
_TYPED: Final = {"text", "tel", "number", "password", ""}


def asks_code(asset: WebAsset, chain: Chain | None) -> bool:
    """Tell whether the answer to a login asks for a second factor: by the declared prompt, or by a field.

    A page that also asks for a password is the login form, whatever fields of that kind it has.
    """
    if chain is None:
        return False
    app = asset.app or Application()
    if app.second_factor is not None and app.second_factor.prompt != Marker():
        return bool(matches(app.second_factor.prompt, chain.first, chain))
    document = chain.last.document
    if document.password_form is not None:
        return False
    return any(
        one.type in _TYPED and _CODE_FIELD.search(one.name) for form in document.forms for one in form.fields
    )


async def take_second_step(
    visitor: Browser, asset: WebAsset, context: Context, account: Account, attempt: Attempt
) -> Attempt:
    """Return the attempt, completed by the second step where one is asked for.

    Sends: one code of the account's seed, to where the engagement says.

    Raises:
        NotSupported: a second factor is asked for, and nothing is declared to make it with.
        NotDeclared: the seed cannot be read; and what a visit raises.

    """
    if not asks_code(asset, attempt.chain) or attempt.chain is None:
        return attempt
    declared = asset.app.second_factor if asset.app else None
    if declared is None or declared.step is None or not account.otp:
        raise NotSupported(
            "口令通过后应用要求第二种鉴别因素",
            cure="在 app.second_factor.step 与账户 otp 中登记动态口令，否则以人工佐证补充",
        )
    code = await fresh_code(
        read_seed(context.secrets.resolve(account.otp, label=f"{asset.id}/{account.id}/otp"))
    )
    return await send_code(
        visitor, declared, attempt, attempt.chain, {"code": code, "username": account.username}
    )


async def send_code(
    visitor: Browser, declared: SecondFactor, attempt: Attempt, prompt: Chain, values: dict[str, str]
) -> Attempt:
    """Send the code with what the prompting page's own form holds: asking for that page again may end it."""
    step = declared.step
    if step is None:
        return attempt
    base = prompt.last.url
    fields: dict[str, str] = {}
    for form in prompt.last.document.forms:
        if {one.name for one in form.fields} & {*step.fields, step.csrf_field}:
            fields.update(form.hidden)
            break
    headers = {
        "Referer": referer(base), "Origin": f"{base.scheme}://{base.netloc.decode('ascii')}",
        "Content-Type": "application/json" if step.style == "json" else "application/x-www-form-urlencoded",
    }  # fmt: skip
    if step.csrf_field:
        token = fields.get(step.csrf_field) or csrf_token(step.csrf_field, prompt, visitor)
        fields[step.csrf_field] = token
        headers["X-CSRF-Token"] = headers["X-XSRF-TOKEN"] = token
    for name, text in step.fields.items():
        fields[name] = text.replace("{code}", values["code"]).replace("{username}", values["username"])
    content = msgspec.json.encode(fields) if step.style == "json" else urlencode(fields).encode()
    visitor.jar.stage = "login"
    try:
        url = visitor.resolve(step.path, base)
        visitor.require_encrypted(url)
        answer = await visitor.send(
            step.method, url, content=content, headers=headers,
            note=f"第二因素，字段 {'、'.join(fields)}，值不记录",
        )  # fmt: skip
        chain = await visitor.follow(answer)
    except ProbeError as exc:
        return Attempt(LoginSeen(problem=exc.message), error=exc)
    finally:
        visitor.jar.stage = "page"
    seen = msgspec.structs.replace(
        attempt.seen, status=answer.status, location=clean_url(answer.location),
        form_again=chain.last.document.password_form is not None,
    )  # fmt: skip
    return Attempt(seen, attempt.token, chain=chain)
