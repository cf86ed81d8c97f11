"""One check on one asset: parameters by name, missing facts never good news, outcome folded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dengbao.checking import FactNeed, Params, Variant
from dengbao.errors import ContentError, Reason, Undetermined
from dengbao.judging import apply, bind_params
from dengbao.model import (
    Coverage,
    Criterion,
    Facts,
    HostAsset,
    Judgement,
    Missing,
    ParamValue,
    Status,
    SystemAsset,
    Verdict,
)

HOST = HostAsset(id="app", name="应用服务器", address="192.0.2.1")


class Doors(Facts, tag="judging.doors"):
    open: int


class Keys(Facts, tag="judging.keys"):
    count: int


class Limits(Params):
    most: int
    names: tuple[str, ...] = ("默认",)


def variant(
    function: Callable[..., Judgement], *, params: type[Params] | None = None, asset: str = ""
) -> Variant:
    needs = (FactNeed("doors", Doors, optional=False), FactNeed("keys", Keys, optional=True))
    return Variant("house.doors", function, needs, params, "limits" if params else "", asset, Path("x.py"))


def judgement(*met: bool | None, coverage: Coverage = Coverage.FULL, applicable: bool = True) -> Judgement:
    criteria = tuple(
        Criterion(name=f"c{number}", question="？", met=one, measured="见", fact="judging.doors")
        for number, one in enumerate(met)
    )
    return Judgement(
        criteria=criteria, statement="经核查，门已关。", coverage=coverage, applicable=applicable,
        remainder="查看钥匙登记" if coverage is Coverage.PARTIAL else "",
    )  # fmt: skip


LIMITED = variant(lambda **_: judgement(True), params=Limits)


# ---- parameters ----------------------------------------------------------------------------------


def test_parameters_come_from_the_profile_and_are_overridden_by_the_item() -> None:
    profile: dict[str, ParamValue] = {"most": 5, "strict_most": 2, "other": 1}
    assert bind_params(LIMITED, profile, {}) == {"most": 5}
    assert bind_params(LIMITED, profile, {"most": 7}) == {"most": 7}
    assert bind_params(LIMITED, profile, {"most": "$strict_most"}) == {"most": 2}
    assert bind_params(LIMITED, {"most": 1, "names": ("$甲",)}, {}) == {"most": 1, "names": ("$甲",)}


def test_a_check_without_parameters_takes_none() -> None:
    bare = variant(lambda **_: judgement(True))
    assert bind_params(bare, {"most": 5}, {}) == {}
    with pytest.raises(ContentError, match="不接受参数 most"):
        bind_params(bare, {}, {"most": 1}, where="01.yaml:3")


@pytest.mark.parametrize(
    ("profile", "given", "message"),
    [
        ({}, {}, "缺少参数 most"),
        ({"most": 5}, {"mots": 1}, "没有参数 mots"),
        ({"most": 5}, {"most": "$mots"}, "profile 中没有"),
        ({"most": 5}, {"names": "$nmaes"}, "profile 中没有"),
        ({"most": "five"}, {}, "参数 most 不对：应为整数，得到文字"),
        ({"most": 5}, {"names": "甲"}, "参数 names 不对：应为列表"),
    ],
)
def test_a_parameter_that_does_not_fit_is_told_with_its_place(
    profile: dict[str, ParamValue], given: dict[str, ParamValue], message: str
) -> None:
    with pytest.raises(ContentError, match=message) as caught:
        bind_params(LIMITED, profile, given, where="01.yaml:3")
    assert caught.value.where == "01.yaml:3"
    assert caught.value.cure


# ---- missing facts -------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", list(Reason))
def test_a_missing_fact_is_undetermined_for_its_reason_and_the_check_is_not_called(reason: Reason) -> None:
    def never(**_arguments: object) -> Judgement:
        raise AssertionError("called")

    lack = Missing(fact="judging.doors", reason=reason, message="看不到；处理：授权")
    outcome = apply(variant(never), asset=HOST, facts={}, missing={"judging.doors": lack}, params={})
    assert (outcome.status, outcome.verdict, outcome.reason) == (Status.UNDETERMINED, None, reason)
    assert outcome.statement == "未能取得所需信息：看不到；处理：授权"


def test_a_fact_that_nobody_speaks_of_is_undetermined_too() -> None:
    outcome = apply(variant(lambda **_: judgement(True)), asset=HOST, facts={}, missing={}, params={})
    assert (outcome.status, outcome.reason) == (Status.UNDETERMINED, Reason.INCONCLUSIVE)
    assert "未采集" in outcome.statement


def test_an_optional_fact_that_is_missing_is_passed_as_none() -> None:
    seen: dict[str, object] = {}

    def note(**arguments: object) -> Judgement:
        seen.update(arguments)
        return judgement(True)

    doors = Doors(open=0)
    apply(variant(note), asset=HOST, facts={"judging.doors": doors}, missing={}, params={})
    assert seen == {"doors": doors, "keys": None}


def test_params_and_asset_are_handed_over_as_values() -> None:
    seen: dict[str, object] = {}

    def note(**arguments: object) -> Judgement:
        seen.update(arguments)
        return judgement(True)

    facts: dict[str, Facts] = {"judging.doors": Doors(open=0), "judging.keys": Keys(count=2)}
    apply(
        variant(note, params=Limits, asset="where"), asset=HOST, facts=facts, missing={},
        params={"most": 4, "names": ("甲",)},
    )  # fmt: skip
    assert seen["limits"] == Limits(most=4, names=("甲",))
    assert seen["where"] is HOST
    assert seen["keys"] == Keys(count=2)


# ---- outcomes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("met", "verdict"),
    [
        ((True,), Verdict.CONFORM),
        ((True, False), Verdict.PARTIAL),
        ((False,), Verdict.NONCONFORM),
        ((True, None), None),
    ],
)
def test_the_outcome_is_folded_from_the_criteria(
    met: tuple[bool | None, ...], verdict: Verdict | None
) -> None:
    facts: dict[str, Facts] = {"judging.doors": Doors(open=0)}
    outcome = apply(
        variant(lambda **_: judgement(*met)), asset=SystemAsset(id="system", name="HIS"), facts=facts,
        missing={}, params={},
    )  # fmt: skip
    assert outcome.verdict is verdict
    assert outcome.status is (Status.JUDGED if verdict else Status.UNDETERMINED)
    assert outcome.reason is (None if verdict else Reason.INCONCLUSIVE)
    assert len(outcome.criteria) == len(met)


def test_coverage_remainder_and_not_applicable_are_kept() -> None:
    facts: dict[str, Facts] = {"judging.doors": Doors(open=0)}
    part = variant(lambda **_: judgement(True, coverage=Coverage.PARTIAL))
    outcome = apply(part, asset=HOST, facts=facts, missing={}, params={})
    assert (outcome.coverage, outcome.remainder) == (Coverage.PARTIAL, "查看钥匙登记")
    none = variant(lambda **_: judgement(True, applicable=False))
    assert apply(none, asset=HOST, facts=facts, missing={}, params={}).verdict is Verdict.NOT_APPLICABLE


def test_a_check_that_cannot_tell_says_why() -> None:
    def cannot(**_arguments: object) -> Judgement:
        raise Undetermined("经核查，两处配置互相矛盾", reason=Reason.NOT_SUPPORTED)

    facts: dict[str, Facts] = {"judging.doors": Doors(open=0)}
    outcome = apply(variant(cannot), asset=HOST, facts=facts, missing={}, params={})
    assert (outcome.status, outcome.reason) == (Status.UNDETERMINED, Reason.NOT_SUPPORTED)
    assert outcome.statement == "经核查，两处配置互相矛盾"


@pytest.mark.parametrize("answer", [True, None, "符合", Verdict.CONFORM])
def test_anything_but_a_judgement_is_a_bug_and_never_a_verdict(answer: object) -> None:
    facts: dict[str, Facts] = {"judging.doors": Doors(open=0)}
    wrong = variant(lambda **_: answer)  # type: ignore[arg-type] # the mistake under test
    with pytest.raises(TypeError, match="must return a Judgement"):
        apply(wrong, asset=HOST, facts=facts, missing={}, params={})
