"""Applies one check to the facts of one asset; pure, so that it can be repeated anywhere."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .checking import Params, Variant
from .errors import ContentError, Reason, Undetermined
from .model import (
    Asset,
    Coverage,
    Criterion,
    Exchange,
    Facts,
    Judgement,
    Missing,
    ParamValue,
    Status,
    Value,
    Verdict,
    kind_of,
)
from .reading import suggest, translate


class Outcome(Value):
    """What a check said about one asset: the part of a record that the judgement decides."""

    status: Status
    statement: str
    verdict: Verdict | None = None
    reason: Reason | None = None
    coverage: Coverage = Coverage.FULL
    remainder: str = ""
    criteria: tuple[Criterion, ...] = ()
    proofs: tuple[Exchange, ...] = ()


def bind_params(
    variant: Variant, profile: Mapping[str, ParamValue], given: Mapping[str, ParamValue], *, where: str = ""
) -> dict[str, ParamValue]:
    """Return the parameters of a check: `with:` over profile, `$name` looked up in the profile.

    Raises:
        ContentError: a value is missing, unknown or of the wrong type.

    """
    if variant.params is None:
        if given:
            raise ContentError(f"检查 {variant.check} 不接受参数 {'、'.join(given)}", where=where)
        return {}
    names = {one.name: one for one in msgspec.structs.fields(variant.params)}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ContentError(
            f"检查 {variant.check} 没有参数 {'、'.join(unknown)}",
            where=where,
            cure=suggest(unknown[0], names),
        )
    values: dict[str, ParamValue] = {}
    for name, info in names.items():
        value = (
            _pointed_at(variant, name, given[name], profile, where) if name in given else profile.get(name)
        )
        if value is None and info.required:
            raise ContentError(f"检查 {variant.check} 缺少参数 {name}", where=where, cure="在 profile 中补上")
        if value is not None:
            values[name] = value
    _convert(variant, values, where)
    return values


def _pointed_at(
    variant: Variant, name: str, value: ParamValue, profile: Mapping[str, ParamValue], where: str
) -> ParamValue:
    """Return a value given by `with:`, `$name` looked up; a slip of the pen never becomes a default."""
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if value[1:] not in profile:
        raise ContentError(
            f"检查 {variant.check} 的参数 {name} 指向 {value}，profile 中没有",
            where=where,
            cure=suggest(value[1:], profile),
        )
    return profile[value[1:]]


def _convert(variant: Variant, values: Mapping[str, ParamValue], where: str) -> Params | None:
    if variant.params is None:
        return None
    try:
        return msgspec.convert(dict(values), variant.params)
    except msgspec.ValidationError as exc:
        text = str(exc)
        name = text.rpartition("$.")[2].rstrip("`").partition("[")[0]
        raise ContentError(
            f"检查 {variant.check} 的参数 {name} 不对：{translate(text)[0]}",
            where=where,
            cure="核对 profile 与 with 中的值",
        ) from exc


def apply(
    variant: Variant,
    *,
    asset: Asset,
    facts: Mapping[str, Facts],
    missing: Mapping[str, Missing],
    params: Mapping[str, ParamValue],
) -> Outcome:
    """Return what `variant` says about the asset; facts that are missing make it undetermined."""
    arguments: dict[str, object] = {}
    for need in variant.needs:
        kind = kind_of(need.facts)
        found = facts.get(kind)
        if found is None and not need.optional:
            lack = missing.get(kind)
            return Outcome(
                status=Status.UNDETERMINED,
                reason=lack.reason if lack else Reason.INCONCLUSIVE,
                statement=f"未能取得所需信息：{lack.message if lack else '该事实未采集'}",
            )
        arguments[need.name] = found
    if variant.params is not None:
        arguments[variant.params_name] = _convert(variant, params, variant.check)
    if variant.asset_name:
        arguments[variant.asset_name] = asset
    try:
        judgement = variant.function(**arguments)
    except Undetermined as exc:
        return Outcome(status=Status.UNDETERMINED, reason=exc.reason, statement=exc.message)
    return _outcome(judgement)


def _outcome(judgement: Judgement) -> Outcome:
    if not isinstance(judgement, Judgement):
        raise TypeError(f"a check must return a Judgement, not {type(judgement).__name__}")
    verdict = judgement.verdict
    return Outcome(
        status=judgement.status,
        verdict=verdict,
        reason=Reason.INCONCLUSIVE if verdict is None else None,
        statement=judgement.statement,
        coverage=judgement.coverage,
        remainder=judgement.remainder,
        criteria=judgement.criteria,
        proofs=judgement.proofs,
    )
