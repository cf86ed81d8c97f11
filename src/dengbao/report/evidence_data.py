"""证据清单 as plain data: who filed what when, with which digests, and the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ..model import Evidence
from .crossrefs import cited
from .pictures import Figure, pixel_digest
from .plain import Plain
from .wording import BLANK, bytes_zh, day, listed, moment, person, places

_SHOWN: Final = 4


def evidence_rows(
    evidence: Iterable[Evidence], asset: Callable[[str], str], figures: Mapping[str, Sequence[int]]
) -> list[Plain]:
    """Return one row per evidence record; `asset` gives the name of an asset, `figures` its pictures."""
    return [_row(one, asset(one.asset), figures.get(one.id, ())) for one in evidence]


def _row(one: Evidence, asset: str, figures: Sequence[int]) -> dict[str, Plain]:
    remarks = [
        "已脱敏" if one.redacted else "未脱敏",
        f"有效期至 {day(one.expires)}" if one.expires else "",
    ]
    reviewed = BLANK
    if one.reviewed is not None:
        reviewed = f"{person(one.reviewed.by)}\n{moment(one.reviewed.at)}"
    return {
        "id": one.id,
        "cited": cited(one.id, figures, narrow=True),
        "kind": one.kind.zh,
        "method": one.method.zh,
        "places": places(one.items),
        "asset": asset,
        "collected": f"{person(one.collected_by)}\n{moment(one.collected_at)}",
        "filed": moment(one.filed_at),
        "reviewed": reviewed,
        "statement": one.statement,
        "override": one.override,
        "label": one.verdict.zh,
        "remarks": listed(remarks, "；"),
        "files": [
            {
                "name": file.name,
                "size": bytes_zh(file.size_bytes) if file.size_bytes else BLANK,
                "sha256": file.sha256,
                "sm3": file.sm3,
            }
            for file in one.files
        ],
    }


def figure_rows(figures: Iterable[Figure], asset: Callable[[str], str]) -> list[Plain]:
    """Return one row per picture; `picture` is the key the template hands to the filter `picture`.

    It is also the SHA-256 of what is embedded; where a copy is, `pixels` is a digest over its pixels.
    """
    figures = tuple(figures)
    copies = {one.picture.sha256: one.picture for one in figures if one.picture.altered}
    pixels = {key: pixel_digest(one.data) for key, one in copies.items()}
    return [
        {
            "number": one.number,
            "evidence": one.evidence.id,
            "picture": one.picture.sha256,
            "pixels": pixels.get(one.picture.sha256, ""),
            "caption": f"图 {one.number}　{_title(one, asset(one.evidence.asset))}",
            "title": _title(one, asset(one.evidence.asset)),
        }
        for one in figures
    ]


def _some(items: Sequence[str]) -> str:
    """Return a few items: below a picture there is one line, and the list of evidence names them all."""
    return places(items) if len(items) <= _SHOWN else f"{places(items[:_SHOWN])} 等 {len(items)} 项"


def _title(one: Figure, asset: str) -> str:
    end = f"（{one.picture.altered}）" if one.picture.altered else ""
    paper = one.evidence
    return f"{paper.id}　{asset}　检查项 {_some(paper.items)}　文件 {one.file.name}{end}"
