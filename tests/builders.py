"""Small suites, engagements and evidence folders that tests then spoil in one place."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SUITE = """\
id: small
title: 小测评依据
edition: "1"
regulation: 某办法
anomalies: [原文如此]
mandatory:
  - id: "M.1"
    text: 使用统一的读卡环境
    polarity: positive
    methods: [examine]
    kinds: [system]
    by_hand: {ask: 截图读卡结果, keep: [screenshot]}
"""
PROFILE = """\
profile:
  password_min_length: {value: 8, source: 宁医保办发〔2023〕72号第十三条, certainty: binding, unit: 位}
  tls_versions: {value: [TLSv1.2, TLSv1.3], source: 通行做法, certainty: convention}
"""
CHAPTER = """\
number: 1
title: 身份鉴别
clauses:
  - id: "1.a"
    letter: a
    text: 应对登录的用户进行身份标识和鉴别；
    source: GB/T 22239-2019 8.1.4.1 a)
    unit: L3-CES1-01
    items:
      - id: "1.a.1"
        text: 应核查用户是否采用了身份鉴别措施；
        polarity: positive
        methods: [examine]
        kinds: [web, host]
        checks:
          - use: demo.login
          - use: demo.length
            with: {password_min_length: $password_min_length}
        by_hand: {ask: 截图登录页面, keep: [screenshot, config]}
      - id: "1.a.2"
        text: 应核查是否存在空口令用户；
        polarity: negative
        methods: [examine, test]
        kinds: [host]
        checks: [{use: demo.login}]
        by_hand: {ask: 截图用户列表, keep: [screenshot]}
"""
CHAPTER_TWO = """\
number: 2
title: 数据备份
clauses:
  - id: "2.a"
    letter: a
    text: 应提供备份；
    source: GB/T 22239-2019 8.1.4.9 a)
    unit: L3-CES1-29
    items:
      - id: "2.a.1"
        text: 应核查是否备份；
        polarity: positive
        methods: [examine]
        kinds: [backup]
        by_hand: {ask: 查看备份, keep: [document]}
"""
SUITE_FILES = {
    "suite.yaml": SUITE,
    "profile.yaml": PROFILE,
    "01_identity.yaml": CHAPTER,
    "02_backup.yaml": CHAPTER_TWO,
}
ENGAGEMENT = """\
schema: 1
suite: small
institution: {name: 示范医院}
system: {name: HIS, vendor: 示范软件公司}
parties:
  local_bureau: {name: 医保局}
  platform_vendor: {name: 平台厂商}
  access_party: {name: 示范软件公司}
scope:
  level: login
  addresses: ["192.0.2.0/24"]
  production: ["198.51.100.7:443"]
  window: {begin: 2026-03-01T08:00:00+08:00, end: 2026-03-02T08:00:00+08:00}
assets:
  - kind: web
    id: his-web
    name: 业务系统
    url: https://192.0.2.10/
    accounts: [{id: doctor, username: doctor01, secret: "${ENV:HIS_PASSWORD}"}]
    login: {path: /login, account: doctor}
  - kind: host
    id: his-app
    name: 应用服务器
    address: 192.0.2.20:22
    account: audit
    accounts: [{id: audit, username: dengbao, secret: "${ENV:APP_PASSWORD}", key_file: keys/id_ed25519}]
    allowed_ports: [{ports: "22", purpose: 运维}]
not_applicable:
  - item: "2.a.1"
    asset: system
    why: 备份由集团统一进行
    by: {name: 张三, org: 示范软件公司}
    agreed: {name: 李四, org: 示范医院}
"""
EVIDENCE = """\
id: EV-0001
items: ["1.a.1"]
asset: his-app
method: examine
kind: screenshot
files:
  - {name: EV-0001.png, sha256: "@SHA256@"}
collected_at: 2026-03-01T09:30:00+08:00
collected_by: {name: 张三, org: 示范软件公司}
filed_at: 2026-03-01T10:00:00+08:00
statement: 经核查，用户列表中未见空口令账户。
verdict: conform
redacted: true
"""


def write_suite(folder: Path, **changed: str) -> Path:
    """Write the small suite to `folder/small`; keyword `profile` replaces `profile.yaml`, and so on."""
    target = folder / "small"
    target.mkdir(parents=True)
    for name, text in SUITE_FILES.items():
        (target / name).write_text(changed.get(name.removesuffix(".yaml"), text), encoding="utf-8")
    return target


def write_engagement(folder: Path, text: str = ENGAGEMENT) -> Path:
    """Write `engagement.yaml` into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    return folder


def draw_picture(path: Path, colour: str = "white") -> Path:
    """Write a small PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), colour).save(path)
    return path
