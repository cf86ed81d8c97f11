"""Reads a draft back as the engagement would."""

from __future__ import annotations

import json
from functools import cache

import jsonschema
import msgspec
import yaml

from dengbao.catalog.schema import schemas
from dengbao.model import WebAsset

MAX_LINES = 60


@cache
def _validator() -> jsonschema.Draft202012Validator:
    whole = json.loads(schemas()["templates/engagement.schema.json"])
    return jsonschema.Draft202012Validator({"$ref": "#/$defs/WebAsset", "$defs": whole["$defs"]})


def read_back(text: str) -> WebAsset:
    """Return the one asset of a draft, after holding it against type and schema."""
    assert len(text.splitlines()) <= MAX_LINES, text
    document = yaml.safe_load(text)
    assert list(document) == ["assets"]
    (raw,) = document["assets"]
    _validator().validate(raw)
    return msgspec.convert(raw, WebAsset, strict=True)
