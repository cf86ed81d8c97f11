"""Whatever is wrong with a file: an error with its place and a cure, quickly, and never a traceback."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dengbao import catalog, evidence
from dengbao.errors import ContentError, DengbaoError, EvidenceError, UsageError

from .builders import (
    CHAPTER,
    CHAPTER_TWO,
    ENGAGEMENT,
    EVIDENCE,
    PROFILE,
    SUITE,
    draw_picture,
    write_engagement,
    write_suite,
)

Change = str | bytes | Callable[[str], str | bytes]


@dataclass(frozen=True)
class Bad:
    """A file with one thing wrong: what is replaced, at which line it is told, and in which words."""

    name: str
    old: str
    new: str | bytes
    line: int | None
    says: str


def spoil(text: str, bad: Bad) -> bytes:
    assert bad.old in text, bad.name
    if bad.old == "":
        return bad.new if isinstance(bad.new, bytes) else bad.new.encode()
    if isinstance(bad.new, bytes):
        head, _, tail = text.partition(bad.old)
        return head.encode() + bad.new + tail.encode()
    return text.replace(bad.old, bad.new, 1).encode()


def expect(error: type[DengbaoError], act: Callable[[], object], path: Path, bad: Bad) -> None:
    begun = time.process_time()
    with pytest.raises(error) as caught:
        act()
    assert time.process_time() - begun < 3.0
    told = [caught.value, *caught.value.also]
    assert all(one.where and one.cure and one.message for one in told)
    assert all(re.search(r"[\u4e00-\u9fff]", one.message) for one in told)
    where = str(path) if bad.line is None else f"{path}:{bad.line}"
    assert any(one.where == where and bad.says in one.message for one in told), str(caught.value)
    assert "Traceback" not in str(caught.value)


# What can be wrong with any YAML file.
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{one}: &{one} [{','.join(['*' + before] * 9)}]\n"
    for one, before in zip("bcdefghi", "abcdefgh", strict=True)
)
ANY_YAML = [
    Bad("empty", "", "", 1, "文件是空的"),
    Bad("only comments", "", "# nothing\n", 1, "文件是空的"),
    Bad("only text", "", "hello\n", 1, "键: 值"),
    Bad("a list", "", "- a\n- b\n", 1, "键: 值"),
    Bad("nul bytes", "", b"id: \x00\x00\n", 1, "控制字符"),
    Bad("escape sequence", "", b"id: \x1b[31mred\n", 1, "控制字符"),
    Bad("hidden control character", "", '# one\nid: "a\\0b"\n', 2, "控制字符"),
    Bad("gbk", "", "# x\nid: 示范医院\n".encode("gbk"), 2, "UTF-8"),
    Bad("utf-16", "", "id: x\n".encode("utf-16"), 1, "UTF-8"),
    Bad("random bytes", "", bytes(range(128, 256)) * 40, 1, "UTF-8"),
    Bad("tab", "", "id: a\n\ttitle: b\n", 2, "制表符"),
    Bad("open bracket", "", "id: [a, b\n", 2, "方括号"),
    Bad("open brace", "", "id: {a: b\n", 2, "花括号"),
    Bad("open quote", "", 'id: "a\n', 2, "引号"),
    Bad("two colons", "", "id: a: b\n", 1, "冒号"),
    Bad("bad escape", "", 'id: "\\q"\n', 1, "反斜杠"),
    Bad("bad indentation", "", "id: a\n title: b\n", 2, "冒号"),
    Bad("duplicate key", "", "id: a\ntitle: b\nid: c\n", 3, "重复"),
    Bad("two documents", "", "id: a\n---\nid: b\n", 2, "多个"),
    Bad("python tag", "", "id: !!python/object/apply:os.system [touch /nowhere]\n", 1, "标签"),
    Bad("binary tag", "", "id: !!binary aGVsbG8=\n", 1, "标签"),
    Bad("unknown anchor", "", "id: *nowhere\n", 1, "锚点"),
    Bad("loop of anchors", "", "id: &a [*a]\n", 1, "锚点"),
    Bad("billion laughs", "", LAUGHS, 5, "展开后"),
    Bad("deep nesting", "", "id: " + "[" * 5000 + "]" * 5000 + "\n", 1, "嵌套"),
    Bad("list as key", "", "? [a, b]\n: c\n", 1, "键只能是文字"),
    Bad("too many values", "", "id: [" + "a," * 60_000 + "]\n", 1, "展开后"),
    Bad("too big", "", "#" * (2 * 1024 * 1024 + 1), None, "超过 2 MB"),
    Bad("merge key", "", "id: a\n<<: {title: b}\n", 2, "没有“<<”这个键"),
]

HOST = "address: 192.0.2.20:22"
ASSETS = ENGAGEMENT[ENGAGEMENT.index("assets:") : ENGAGEMENT.index("not_applicable:")]
DECLARATION = ENGAGEMENT[ENGAGEMENT.index("not_applicable:\n") + len("not_applicable:\n") :]
SENSITIVE = "sensitive: [{table: t, column: c, holds: idcard}]"


def asset(kind: str, *lines: str) -> str:
    """Return the text of one asset in place of all others; its own lines begin at line 18."""
    head = ("assets:", f"  - kind: {kind}", "    id: x", "    name: x")
    return "\n".join((*head, *(f"    {one}" for one in lines), ""))


ENGAGEMENTS = [
    Bad("unknown key", "scope:", "scpoe:", 9, "没有“scpoe”"),
    Bad("missing key", "scope:", "scpoe:", 1, "缺少键“scope”"),
    Bad("other version", "schema: 1", "schema: 2", 1, "版本"),
    Bad("version in quotes", "schema: 1", 'schema: "1"', 1, "应为整数"),
    Bad("suite with path parts", "suite: small", "suite: ../../etc", 2, "不合格式"),
    Bad("number for text", "name: 示范医院", "name: 12345", 3, "应为文字"),
    Bad("null for text", "name: 示范医院", "name: ", 3, "应为文字"),
    Bad("blank name", "name: 示范医院", 'name: "  "', 3, "不能为空"),
    Bad("unknown category", "{name: 示范医院}", "{name: 示范医院, category: hopsital}", 3, "hopsital"),
    Bad("unknown level", "level: login", "level: logni", 10, "logni"),
    Bad("no offset", "begin: 2026-03-01T08:00:00+08:00", "begin: 2026-03-01T08:00:00", 13, "时区"),
    Bad("no such day", "begin: 2026-03-01", "begin: 2026-02-30", 13, "不是有效的日期时间"),
    Bad("window turned round", "begin: 2026-03-01", "begin: 2026-03-09", 13, "起止颠倒"),
    Bad("port too high", "198.51.100.7:443", "198.51.100.7:99999", 12, "端口"),
    Bad("huge port", "198.51.100.7:443", "198.51.100.7:" + "9" * 5000, 12, "写法不对"),
    Bad("wildcard address", "192.0.2.0/24", "192.0.2.*", 11, "地址写法不对"),
    Bad("url for address", "192.0.2.0/24", "https://192.0.2.1/", 11, "写法不对"),
    Bad("no rate", "level: login", "level: login\n  connections_per_s: 0", 11, "connections_per_s"),
    Bad("rate below zero", "level: login", "level: login\n  connections_at_once: -1", 11, "at_once"),
    Bad("text for truth", "level: login", "level: login\n  local: yes", 11, "true 或 false"),
    Bad("no assets", ASSETS, "assets: []\n", 14, "没有测评对象"),
    Bad("mapping for assets", ASSETS, "assets: {a: b}\n", 14, "应为列表"),
    Bad("unknown kind", "kind: web", "kind: wbe", 15, "wbe"),
    Bad("no kind", "kind: web\n    id: his-web", "id: his-web", 15, "缺少键“kind”"),
    Bad("declared system", ASSETS, "assets: [{kind: system, id: x, name: y}]\n", 14, "不必登记"),
    Bad("id system", "id: his-web", "id: system", 15, "system"),
    Bad("id with path", "id: his-web", 'id: "../x"', 16, "不合格式"),
    Bad("id with at", "id: his-web", 'id: "a@b/c"', 16, "不合格式"),
    Bad("id in chinese", "id: his-web", "id: 业务", 16, "不合格式"),
    Bad("device as id", "id: his-web", "id: con", 16, "不合格式"),
    Bad("same id twice", "id: his-app", "id: HIS-Web", 22, "重复"),
    Bad("login key misspelt", "{path: /login", "{paht: /login", 20, "没有“paht”"),
    Bad("login path missing", "{path: /login", "{paht: /login", 20, "缺少键“path”"),
    Bad("account of nobody", "account: doctor}", "account: docter}", 20, "docter"),
    Bad("host account of nobody", "account: audit", "account: adit", 25, "adit"),
    Bad("url without scheme", "url: https://192.0.2.10/", "url: 192.0.2.10", 18, "https://"),
    Bad("url of file", "url: https://192.0.2.10/", "url: file:///etc/passwd", 18, "https://"),
    Bad("url with password", "https://192", "https://user:hunter2@192", 18, "不得含有用户名或口令"),
    Bad("url with bad port", "192.0.2.10/", "192.0.2.10:x/", 18, "写法不对"),
    Bad("network as address", HOST, "address: 192.0.2.0/24", 24, "一个主机"),
    Bad("port range as address", HOST, "address: 192.0.2.20:1-5", 24, "一个主机"),
    Bad("zeros in address", HOST, "address: 192.000.002.020:22", 24, "写法不对"),
    Bad("host key of md5", HOST, HOST + "\n    host_key: 'MD5:aa:bb'", 25, "SHA256"),
    Bad("unknown sudo", HOST, HOST + "\n    sudo: maybe", 25, "maybe"),
    Bad("ports turned round", 'ports: "22"', 'ports: "80-22"', 27, "颠倒"),
    Bad("port as number", 'ports: "22"', "ports: 22", 27, "应为文字"),
    Bad("item of a number", 'item: "2.a.1"', "item: 2.1", 29, "应为文字，得到数字"),
    Bad("declaration elsewhere", "asset: system", "asset: sytem", 30, "sytem"),
    Bad("declared alone", "{name: 李四", "{name: 张三", 33, "同一人"),
    Bad("period turned round", "schema: 1", "schema: 1\nperiod: [2026-03-02, 2026-03-01]", 2, "起止颠倒"),
    Bad("declared twice", DECLARATION, DECLARATION * 2, 34, "已声明过"),
    Bad("database without address", ASSETS, asset("database", "platform: mysql"), 15, "缺少键“address”"),
    Bad("database without file", ASSETS, asset("database", "platform: sqlite"), 15, "缺少键“path”"),
    Bad("unknown database", ASSETS, asset("database", "platform: orcale", "address: h"), 18, "orcale"),
    Bad(
        "unknown holds", ASSETS, asset("database", "platform: sqlite", "path: x.db", SENSITIVE), 20, "idcard"
    ),
    Bad("address of many ports", ASSETS, asset("tls", "address: 'h:1,2'"), 18, "一个主机"),
    Bad("address with a space", ASSETS, asset("tls", "address: 'a b:1'"), 18, "写法不对"),
    Bad("backup never", ASSETS, asset("backup", "path: b", "policy: {every_h: 0}"), 19, "every_h"),
    Bad("backup of none", ASSETS, asset("backup", "path: b", "policy: {every_h: 1, keep: 0}"), 19, "keep"),
    Bad("backup without path", ASSETS, asset("backup"), 15, "缺少键“path”"),
    Bad("list for mapping", "institution: {name: 示范医院}", "institution: [a]", 3, "得到列表"),
]

BY_HAND = "        by_hand: {ask: 截图用户列表, keep: [screenshot]}\n"
ITEMS = CHAPTER_TWO[CHAPTER_TWO.index("    items:") :]
SUITES = [
    ("suite", Bad("other folder", "id: small", "id: big", 1, "目录名")),
    ("suite", Bad("odd id", "id: small", "id: Small_1", 1, "不合格式")),
    ("suite", Bad("edition as number", 'edition: "1"', "edition: 1", 3, "应为文字")),
    ("suite", Bad("odd item", 'id: "M.1"', 'id: "M@1"', 7, "含有 @")),
    ("suite", Bad("no title", "title: 小测评依据\n", "", 1, "缺少键“title”")),
    ("profile", Bad("unknown certainty", "certainty: binding", "certainty: bindign", 2, "bindign")),
    ("profile", Bad("value as mapping", "{value: 8", "{value: {a: 8}", 2, "应为文字、整数")),
    ("profile", Bad("value as fraction", "{value: 8", "{value: 8.5", 2, "应为文字、整数")),
    ("profile", Bad("value of numbers", "[TLSv1.2, TLSv1.3]", "[1, 2]", 3, "应为文字")),
    ("profile", Bad("no source", "source: 通行做法, ", "", 3, "缺少键“source”")),
    ("01_identity", Bad("other number", "number: 1", "number: 2", 1, "文件名不一致")),
    ("01_identity", Bad("no clauses", CHAPTER, "number: 1\ntitle: x\nclauses: []\n", 3, "没有条款")),
    ("01_identity", Bad("clause of another chapter", 'id: "1.a"', 'id: "2.a"', 4, "不一致")),
    ("01_identity", Bad("item of another clause", 'id: "1.a.2"', 'id: "1.b.2"', 20, "不属于条款")),
    ("01_identity", Bad("item twice", 'id: "1.a.2"', 'id: "1.a.1"', 20, "重复")),
    ("01_identity", Bad("item without kinds", "kinds: [web, host]", "kinds: []", 14, "kinds 是空的")),
    ("01_identity", Bad("kind twice", "kinds: [web, host]", "kinds: [web, web]", 14, "重复")),
    ("01_identity", Bad("unknown kind", "kinds: [web, host]", "kinds: [wbe, host]", 14, "wbe")),
    ("01_identity", Bad("unknown polarity", "polarity: negative", "polarity: bad", 22, "bad")),
    ("01_identity", Bad("unknown method", "[examine, test]", "[examine, tests]", 23, "tests")),
    ("01_identity", Bad("unknown evidence", "[screenshot, config]", "[screenshots]", 19, "screenshots")),
    ("01_identity", Bad("check twice", "use: demo.length", "use: demo.login", 17, "两次使用")),
    ("01_identity", Bad("no such value", ": $password_min", ": $pasword_min", 18, "pasword_min")),
    ("01_identity", Bad("by hand missing", BY_HAND, "", 20, "by_hand")),
    ("02_backup", Bad("clause without items", ITEMS, "    items: []\n", 9, "没有测评项")),
    ("02_backup", Bad("item of chapter one", '"2.a.1"', '"1.a.1"', 10, "重复")),
]  # fmt: skip

FILE = '  - {name: EV-0001.png, sha256: "@SHA256@"}\n'
RECORDS = [
    Bad("other id", "id: EV-0001", "id: EV-0002", 1, "与文件名不一致"),
    Bad("unknown key", "statement:", "statment:", 11, "没有“statment”"),
    Bad("no items", 'items: ["1.a.1"]', "items: []", 2, "测评项"),
    Bad("item as number", 'items: ["1.a.1"]', "items: [1]", 2, "应为文字"),
    Bad("unknown verdict", "verdict: conform", "verdict: ok", 12, "ok"),
    Bad("unknown method", "method: examine", "method: looking", 4, "looking"),
    Bad("path in name", "name: EV-0001.png", "name: ../../etc/passwd", 7, "不得带目录"),
    Bad("absolute name", "name: EV-0001.png", "name: /etc/passwd", 7, "不得带目录"),
    Bad("windows path", "name: EV-0001.png", "name: 'c:\\x.png'", 7, "不得带目录"),
    Bad("name of the record", "name: EV-0001.png", "name: EV-0001.yaml", 7, "混淆"),
    Bad("chinese name", "name: EV-0001.png", "name: 截图.png", 7, "文件名只能"),
    Bad("hidden name", "name: EV-0001.png", "name: .png", 7, "文件名只能"),
    Bad("short digest", '"@SHA256@"', '"abc"', 7, "64 位"),
    Bad("too many files", FILE, FILE * 21, 6, "超过 20 个"),
    Bad("no offset", "09:30:00+08:00", "09:30:00", 8, "时区"),
    Bad("date for person", "{name: 张三, org: 示范软件公司}", "2026-03-01", 9, "应为“键: 值”"),
    Bad("person without organisation", "{name: 张三, org: 示范软件公司}", "{name: 张三}", 9, "缺少键“org”"),
    Bad("expires never", "redacted: true", "expires: never", 13, "不是有效的日期"),
]  # fmt: skip


@pytest.mark.parametrize("bad", [*ANY_YAML, *ENGAGEMENTS], ids=lambda bad: bad.name)
def test_a_bad_engagement_says_where_and_how_to_mend_it(tmp_path: Path, bad: Bad) -> None:
    path = tmp_path / "engagement.yaml"
    path.write_bytes(spoil(ENGAGEMENT, bad))
    expect(UsageError, lambda: catalog.load_engagement(tmp_path), path, bad)


@pytest.mark.parametrize(
    ("name", "bad"),
    [*(("suite", bad) for bad in ANY_YAML), *SUITES],
    ids=lambda one: one.name if isinstance(one, Bad) else one,
)
def test_a_bad_suite_says_where_and_how_to_mend_it(tmp_path: Path, name: str, bad: Bad) -> None:
    texts = {"suite": SUITE, "profile": PROFILE, "01_identity": CHAPTER, "02_backup": CHAPTER_TWO}
    folder = write_suite(tmp_path)
    path = folder / f"{name}.yaml"
    path.write_bytes(spoil(texts[name], bad))
    expect(ContentError, lambda: catalog.load_suite(folder), path, bad)


@pytest.mark.parametrize("bad", [*ANY_YAML, *RECORDS], ids=lambda bad: bad.name)
def test_a_bad_record_says_where_and_how_to_mend_it(tmp_path: Path, bad: Bad) -> None:
    picture = draw_picture(tmp_path / "evidence" / "EV-0001.png")
    path = tmp_path / "evidence" / "EV-0001.yaml"
    data = spoil(EVIDENCE, bad)
    path.write_bytes(data.replace(b"@SHA256@", hashlib.sha256(picture.read_bytes()).hexdigest().encode()))
    expect(EvidenceError, lambda: evidence.load_all(tmp_path), path, bad)


# ---- what is wrong with the path itself ----------------------------------------------------------


def _folder(path: Path) -> None:
    path.mkdir(parents=True)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _zeroes(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _nothing(path: Path) -> None:
    path.unlink(missing_ok=True)


PLACES = [_folder, _pipe, _loop, _zeroes, _nothing]


@pytest.mark.parametrize("make", PLACES)
@pytest.mark.parametrize("what", ["engagement", "suite", "record"])
def test_what_is_no_file_is_refused_quickly(tmp_path: Path, what: str, make: Callable[[Path], None]) -> None:
    folder = write_suite(tmp_path)
    path = {
        "engagement": tmp_path / "engagement.yaml",
        "suite": folder / "profile.yaml",
        "record": tmp_path / "evidence" / "EV-0001.yaml",
    }[what]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)
    act: dict[str, Callable[[], object]] = {
        "engagement": lambda: catalog.load_engagement(tmp_path),
        "suite": lambda: catalog.load_suite(folder),
        "record": lambda: evidence.load(path),
    }
    begun = time.process_time()
    with pytest.raises(DengbaoError) as caught:
        act[what]()
    assert time.process_time() - begun < 2.0
    assert str(path) in caught.value.where
    assert caught.value.cure


@pytest.mark.parametrize(
    "name", ["identity.yaml", "1_identity.yaml", "03-x.yaml", "extra.yml", "profile (1).yaml"]
)
def test_a_suite_file_that_would_be_passed_over_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_suite(tmp_path)
    (folder / name).write_text("number: 3\n", encoding="utf-8")
    with pytest.raises(ContentError, match="文件名不合规则") as caught:
        catalog.load_suite(folder)
    assert name in caught.value.message
    assert caught.value.cure


def test_a_suite_without_chapters_is_refused(tmp_path: Path) -> None:
    folder = write_suite(tmp_path)
    for path in folder.glob("0*.yaml"):
        path.unlink()
    with pytest.raises(ContentError, match="没有章文件"):
        catalog.load_suite(folder)


def test_a_suite_that_is_not_there_names_its_nearest_neighbour(tmp_path: Path) -> None:
    write_suite(tmp_path)
    with pytest.raises(ContentError, match="没有测评依据") as caught:
        catalog.load_suite(tmp_path / "smal")
    assert "是不是“small”" in caught.value.cure


@pytest.mark.parametrize(
    "name", ["EV-1.yaml", "ev-0001.yaml", "EV-0001.yml", "EV-0001 (1).yaml", "note.yaml"]
)
def test_a_record_that_would_be_passed_over_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / name).write_text(EVIDENCE, encoding="utf-8")
    with pytest.raises(EvidenceError, match="文件名不合规则") as caught:
        evidence.load_all(tmp_path)
    assert caught.value.where.endswith(name)


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "${ENV:}",
        "$ENV:X",
        "${ENV:X}tail",
        "keyring:",
        "keyring:a",
        "prompt:hunter2",
        "${env:X}",
        "{{X}}",
    ],
)
def test_a_password_in_the_file_is_refused_and_never_repeated(tmp_path: Path, secret: str) -> None:
    text = ENGAGEMENT.replace("${ENV:HIS_PASSWORD}", secret)
    with pytest.raises(UsageError, match="不得写明文") as caught:
        catalog.load_engagement(write_engagement(tmp_path, text))
    assert caught.value.where.endswith(":19")
    assert "hunter2" not in str(caught.value)


WRITTEN = (
    "[hunter2]",
    "{hunter2: x}",
    "hunter2: x",
    "*hunter2",
    "!hunter2",
    "&hunter2",
    "@hunter2",
    "%hunter2",
)


@pytest.mark.parametrize("text", [*(f"secret: {one}" for one in WRITTEN), "secrets: hunter2"])
def test_a_password_at_the_wrong_place_is_never_repeated(tmp_path: Path, text: str) -> None:
    spoilt = ENGAGEMENT.replace('secret: "${ENV:HIS_PASSWORD}"', text)
    with pytest.raises(UsageError) as caught:
        catalog.load_engagement(write_engagement(tmp_path, spoilt))
    assert "hunter2" not in str(caught.value)


def test_unreadable_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "engagement.yaml" / "engagement.yaml").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        catalog.load_engagement(tmp_path / "engagement.yaml")
    assert "普通文件" in caught.value.message
