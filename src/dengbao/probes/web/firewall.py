"""Tells what a firewall before the application says from what the application itself says.

What a firewall blocks, it blocks for the shape of a request or the number of them: that is no refusal by
rights, and no check of what was typed in.
"""

from __future__ import annotations

import re
from typing import Final

from .browser import Chain

_WORDS: Final = re.compile(
    r"防火墙|安全狗|云盾|云锁|创宇盾|加速乐|网站卫士|玄武盾|D盾|宝塔|雷池|Web应用防护"
    r"|(?:请求|访问|操作|行为|连接)[^。\n]{0,12}(?:被|已)[^。\n]{0,12}(?:拦截|阻断|阻止)"
    r"|(?:拦截|阻断|阻止)了?[^。\n]{0,8}(?:请求|访问)"
    r"|(?:恶意|攻击|可疑)(?:性)?的?(?:请求|访问|行为|参数|字符|代码|特征)"
    r"|\bWAF\b|safe_?dog|safeline|yunsuo|mod_?security|cloudflare|incapsula|imperva|akamai|big-?ip"
    r"|web application firewall|requested url was rejected|request (?:was |has been |is )?blocked"
    r"|support id\b|incident id\b|ray id\b",
    re.IGNORECASE,
)
_LONGEST: Final = 4000
"""A page that blocks is short; a long one that tells of firewalls is a page about them."""


def blocking_words(chain: Chain, known: frozenset[str] = frozenset()) -> str:
    """Return a phrase by which an answer is a firewall's, empty if there is none.

    `known` are texts that the application's own pages show.
    """
    document = chain.last.document
    if document.text_chars > _LONGEST:
        return ""
    said = "\n".join(sorted(document.texts - known))
    found = _WORDS.search(f"{document.title}\n{said}" if document.title not in known else said)
    return found.group(0)[:40] if found else ""


def is_bare(chain: Chain, known: frozenset[str]) -> bool:
    """Tell whether an answer forbids without anything by which it would be the application's own.

    A server or a firewall before it may say 403 to everything for a while, whoever asks.
    """
    last = chain.last
    if last.document.is_json or last.status in (401, 404) or not 400 <= last.status < 500:
        return False
    return not last.document.texts & known
