"""JSON Schemas of the files that people write, generated from the values they become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from ..model import Chapter, Engagement
from .suites import ProfileFile, SuiteHead

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Return each schema's text by its path below the content folder."""
    refs, components = msgspec.json.schema_components(
        (SuiteHead, ProfileFile, Chapter), ref_template="#/$defs/{name}"
    )
    suite = {
        "$schema": _DIALECT,
        "title": "dengbao 测评依据：suite.yaml、profile.yaml、NN_*.yaml",
        "anyOf": list(refs),
        "$defs": components,
    }
    engagement = {
        "$schema": _DIALECT,
        "title": "dengbao 项目文件 engagement.yaml",
        **msgspec.json.schema(Engagement),
    }
    return {"suites/schema.json": _text(suite), "templates/engagement.schema.json": _text(engagement)}


def write_schemas(content: Path) -> None:
    """Write the schemas below the content folder, for editors that complete and check YAML."""
    for name, text in schemas().items():
        (content / name).write_text(text, encoding="utf-8")


def _text(schema: Mapping[str, object]) -> str:
    return json.dumps(_in_order(schema), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _in_order(value: object) -> object:
    """Return the schema with its sets of names sorted: where a field stands in its class says nothing."""
    if isinstance(value, Mapping):
        return {
            key: sorted(one) if key == "required" and isinstance(one, list) else _in_order(one)
            for key, one in value.items()
        }
    return [_in_order(one) for one in value] if isinstance(value, list | tuple) else value
