"""Words that have broken templates, files or the order in which people read, to be printed unchanged."""

from __future__ import annotations

WORDS = (
    # markup and entities
    "a<b", "a&b", "&lt;", "&amp;nbsp;", "&#x3c;&#60;", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hosts'>]>&e;",
    "]]>", "<w:t>", "</w:p>", "<!-- x -->", "<?xml version='1.0'?>",
    # templates and formulas
    "{{ 7*7 }}", "{{甲", "{% for x in y %}", "{%p if 甲 %}", "{# x #}", "{_{", "}_}", "｛｛全角｝｝",
    "^上标^", "=1+1", '=HYPERLINK("x")', "@SUM(A1)", "%s%(甲)s", "\\n\\t", "'\"`", "附件一\\\\主机\\C$",
    # signs that Word drops or obeys
    "\x00", "\x1b[31mroot\x1b[0m", "\x0b\x0c", "\x07甲", "\x7f", "\x85乙", "\u202eabc\u202c", "\u200fשלום",
    "\u200b零宽", "\ufeff甲", "\ufffe", "\U0001fffe", "\u2028行",
    # length, rare characters, space
    "长" * 2000, "𠮷野家", "𪚥", "\ue000私用", "é/e\u0301", "👩‍⚕️", "\xa0空",
    "第一行\n第二行", "左\t右", "  前后空格  ",
)  # fmt: skip
