"""Suite files → items; engagement file → assets; items × assets → the plan of cases."""

from .engagements import load_engagement, vulnerability_data, with_paths
from .plan import Lookup, make_plan, variant_for
from .schema import schemas, write_schemas
from .suites import load_suite

__all__ = [
    "Lookup",
    "load_engagement",
    "load_suite",
    "make_plan",
    "schemas",
    "variant_for",
    "vulnerability_data",
    "with_paths",
    "write_schemas",
]
