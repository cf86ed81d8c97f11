"""4.e.1: does the application show weaknesses that a scan would report?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.web.facts import HeadersSeen, WebHeaders

from .. import proofs
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "漏洞扫描和渗透测试报告须人工补充"

FACT = "web.headers"
_VERSION = re.compile(r"\d+\.\d+")
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d+)", re.IGNORECASE)
_FRAME_ANCESTORS = re.compile(r"frame-ancestors\s+([^;]+)", re.IGNORECASE)
_TELLING = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")


@check("intrusion.web_headers", half=LEFT)
def web_answers_carry_protective_headers(seen: WebHeaders) -> Judgement:
    """Judge the security headers of pages anybody sees, and what errors tell of the inside.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    pages = [one for one in seen.answers if one.status < 400]
    if not pages:
        raise Undetermined("经测试验证，公开页面均返回错误，无从查看响应头")
    # Frames and policies matter where a browser draws a page, not for bare data.
    drawn = [one for one in pages if "html" in one.media_type or not one.media_type] or pages
    criteria = [
        _each("nosniff", "是否设 X-Content-Type-Options: nosniff", pages, _nosniff),
        _each("framing", "是否限制被其他站点嵌套", drawn, _framing),
        _each("csp", "是否设 Content-Security-Policy", drawn, _csp),
        _no_version(pages, seen.unknown),
        _no_inside(pages, seen.unknown),
    ]
    if seen.scheme == "https":
        criteria.insert(0, _each("hsts", "是否设 Strict-Transport-Security", pages, _hsts))
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，查看 {len(pages)} 个公开页面的响应头：{told}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=tuple(_proofs(seen, pages, criteria)),
    )


def _proofs(seen: WebHeaders, pages: list[HeadersSeen], criteria: list[Criterion]) -> Iterator[Exchange]:
    """Yield one page with all that headers lack, and the answer that tells of the inside."""
    telling = [one for one in criteria if one.met is False and one.name in ("no_version", "no_inside")]
    lacking = [one.measured for one in criteria if one.met is False and one not in telling]
    if lacking:
        yield proofs.answer(pages[0], lacking)
    for one in telling:
        given = [*pages, *([seen.unknown] if seen.unknown else [])]
        yield proofs.answer(next(filter(_tells, given), pages[0]), [one.measured])


def _tells(one: HeadersSeen) -> bool:
    versions = (one.headers.get(name, "") for name in _TELLING)
    return bool(one.error_words) or any(map(_VERSION.search, versions))


def _each(
    name: str, question: str, pages: list[HeadersSeen], held: Callable[[HeadersSeen], bool]
) -> Criterion:
    lacking = [one.path for one in pages if not held(one)]
    what = question.removeprefix("是否")
    measured = f"{listing(lacking, 3)} 未{what}" if lacking else f"均已{what}"
    return Criterion(name=name, question=question, met=not lacking, measured=measured, fact=FACT)


def _nosniff(seen: HeadersSeen) -> bool:
    return seen.headers.get("x-content-type-options", "").strip().casefold() == "nosniff"


def _framing(seen: HeadersSeen) -> bool:
    policy = _FRAME_ANCESTORS.search(seen.headers.get("content-security-policy", ""))
    if policy is not None:  # browsers that know it ignore the older header
        return not {"*", "http:", "https:"} & set(policy.group(1).split())
    given = seen.headers.get("x-frame-options", "").strip().casefold()
    return given in ("deny", "sameorigin")


def _csp(seen: HeadersSeen) -> bool:
    return bool(seen.headers.get("content-security-policy", "").strip() or seen.meta_csp.strip())


def _hsts(seen: HeadersSeen) -> bool:
    age = _MAX_AGE.search(seen.headers.get("strict-transport-security", ""))
    return age is not None and int(age.group(1)) > 0


def _no_version(pages: list[HeadersSeen], unknown: HeadersSeen | None) -> Criterion:
    told = {
        f"{name}: {value}"
        for one in (*pages, *([unknown] if unknown else []))
        for name, value in one.headers.items()
        if name in _TELLING and _VERSION.search(value)
    }
    return Criterion(
        name="no_version",
        question="响应头是否不泄露软件版本",
        met=not told,
        measured=f"响应头泄露版本（{listing(sorted(told), 3)}）" if told else "响应头未见软件版本",
        fact=FACT,
    )


def _no_inside(pages: list[HeadersSeen], unknown: HeadersSeen | None) -> Criterion:
    told = {word for one in (*pages, *([unknown] if unknown else [])) for word in one.error_words}
    missing = unknown is None and not told
    measured = f"页面泄露程序内部信息（{listing(sorted(told), 3)}）" if told else "未见程序内部错误信息"
    return Criterion(
        name="no_inside",
        question="错误页面是否不泄露程序内部信息",
        met=None if missing else not told,
        measured="未能读取错误页面" if missing else measured,
        fact=FACT,
    )
