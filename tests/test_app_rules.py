"""The description of an application: what is read, and which mistakes are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao import catalog
from dengbao.errors import UsageError
from dengbao.model import WebAsset

from .builders import ENGAGEMENT, write_engagement

APP = """\
    app:
      functions:
        - {id: list, name: 患者列表, path: /patients, roles: [doctor], shows: {text: 患者}}
        - {id: one, name: 患者详情, path: "/patients/{object}", roles: [doctor], objects: {doctor: ["1"]}}
      second_factor: {prompt: {text: 动态口令}, step: {path: /otp, fields: {code: "{code}"}}}
      password_change: {account: doctor, path: /password, fields: {old: "{old}", new: "{new}"}}
      users:
        account: doctor
        list_path: /users
        create: {path: /users, fields: {name: "{username}", pwd: "{password}"}}
        remove: {path: "/users/{created}", method: DELETE}
        disable: {path: "/users/{created}/off"}
        grant: {path: /grant, fields: {user: "{username}"}}
        find_path: "/users?q={username}"
      audit: {account: doctor, path: /audit, columns: {time: 时间, user: 用户, type: 事件}}
      inputs:
        - id: register
          name: 登记
          account: doctor
          path: /patients
          inputs:
            id_card: {type: id_card, sample: 11010519491231002X}
            sex: {type: code, codes: ["1"], sample: "1"}
      patients: [{path: /patients/1, account: doctor, fields: {身份证号: id_card}, masked: [身份证号]}]
      messages:
        - id: settle
          name: 结算
          path: /api/settle
          signature: {algorithm: hmac-sm3, key: "${ENV:SETTLE_KEY}", field: sign}
"""


AUDIT = "audit: {account: doctor, path: /audit, columns: {time: 时间, user: 用户, type: 事件}}"


def text(app: str = APP) -> str:
    account = 'accounts: [{id: doctor, username: doctor01, secret: "${ENV:HIS_PASSWORD}"'
    head = ENGAGEMENT.replace(f"{account}}}]", f'{account}, role: doctor, otp: "${{ENV:HIS_OTP}}"}}]')
    login = "    login: {path: /login, account: doctor}\n"
    return head.replace(login, login + app)


def test_an_application_described_in_full_is_read(tmp_path: Path) -> None:
    write_engagement(tmp_path, text())
    asset = catalog.load_engagement(tmp_path).asset("his-web")
    assert isinstance(asset, WebAsset)
    assert asset.app is not None
    assert [one.id for one in asset.app.functions] == ["list", "one"]
    assert asset.app.functions[1].objects == {"doctor": ("1",)}
    assert asset.app.inputs[0].inputs["sex"].codes == ("1",)
    assert asset.app.users is not None
    assert asset.app.users.remove is not None
    assert asset.app.users.remove.method == "DELETE"
    assert asset.accounts[0].otp == "${ENV:HIS_OTP}"


def test_logs_may_be_one_or_a_list(tmp_path: Path) -> None:
    for written, names in (
        (AUDIT, [""]),
        ("audit: [{name: 登录日志, path: /a}, {name: 操作日志, path: /b}]", ["登录日志", "操作日志"]),
        ("", []),
    ):  # fmt: skip
        write_engagement(tmp_path, text().replace(AUDIT, written))
        asset = catalog.load_engagement(tmp_path).asset("his-web")
        assert isinstance(asset, WebAsset)
        assert asset.app is not None
        assert [one.name for one in asset.app.logs] == names


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("password_change: {account: doctor", "password_change: {account: nurse", "没有账户“nurse”"),
        ("objects: {doctor:", "objects: {nurse:", "没有账户“nurse”"),
        ("path: /patients, roles: [doctor]", "path: /patients, roles: [nurse]", "没有角色为“nurse”的账户"),
        (', objects: {doctor: ["1"]}', "", "用了 {object}"),
        ("id: one", "id: list", "编号“list”重复"),
        ("id: one", "id: 一", "不合格式"),
        ("method: DELETE", "method: DROP", "“DROP”不在可选之列"),
        ("{path: /otp", "{style: xml, path: /otp", "“xml”不在可选之列"),
        ("path: /password", 'path: " "', "path 不能为空"),
        ('type: code, codes: ["1"]', "type: code", "未列出代码"),
        ("type: id_card", "type: passport", "“passport”不在可选之列"),
        ("masked: [身份证号]", "masked: [电话]", "“电话”未在 fields 中登记"),
        ("身份证号: id_card}", "身份证号: secret}", "“secret”不在可选之列"),
        ("algorithm: hmac-sm3", "algorithm: rot13", "“rot13”不在可选之列"),
        (", field: sign", "", "未写签名放在何处"),
        ('key: "${ENV:SETTLE_KEY}"', "key: 0123456789abcdef", "必须写成引用"),
        (
            "audit: {account: doctor, path: /audit",
            "audit: {table: {database: his, table: log}",
            "没有数据库“his”",
        ),
        ('        remove: {path: "/users/{created}", method: DELETE}\n', "", "未登记新建与删除用户的请求"),
        ('"/users/{created}/off"', '"/users/7/off"', "disable 未写明用于哪个用户"),
        ('{user: "{username}"}', "{user: zhangsan}", "grant 未写明用于哪个用户"),
        ('"/users?q={username}"', "/users", "未写明查找哪个用户"),
        ("audit: {account: doctor, path: /audit", "audit: {account: nurse, path: /audit", "没有账户“nurse”"),
        (AUDIT, "audit: [{name: 登录, path: /a}, {name: 登录, path: /b}]", "名称相同或未写"),
        (AUDIT, "audit: [{name: 登录, path: /a}, {name: 操作}]", "未写审计记录在何处"),
        (AUDIT, "audit: [{name: 登录, path: /a, pth: /b}]", "没有“pth”这个键"),
        (AUDIT, "audit: [/audit]", "应为"),
        (
            "          inputs:\n            id_card",
            '          listed: "/p/{created}"\n          inputs:\n            id_card',
            "不能含占位符",
        ),
        ("id: list, name", "id: list, post: boss, name", "“boss”不在可选之列"),
    ],
)
def test_a_mistake_in_the_description_is_told_with_its_place(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    assert right in text()
    write_engagement(tmp_path, text().replace(right, wrong, 1))
    with pytest.raises(UsageError) as caught:
        catalog.load_engagement(tmp_path)
    told = "\n".join(str(one) for one in (caught.value, *caught.value.also))
    assert message in told
    assert "engagement.yaml:" in told
    assert "0123456789abcdef" not in told


def test_one_account_cannot_stand_for_two_roles(tmp_path: Path) -> None:
    second = ', {id: nurse, username: DOCTOR01, secret: "${ENV:HIS_PASSWORD}", role: nurse}]'
    write_engagement(
        tmp_path, text().replace('otp: "${ENV:HIS_OTP}"}]', f'otp: "${{ENV:HIS_OTP}}"}}{second}')
    )
    with pytest.raises(UsageError, match="用户名相同而角色不同") as caught:
        catalog.load_engagement(tmp_path)
    assert "engagement.yaml:" in str(caught.value)


def test_waiting_is_bounded(tmp_path: Path) -> None:
    write_engagement(tmp_path, text().replace("  level: login\n", "  level: login\n  wait_s: 90000\n"))
    with pytest.raises(UsageError, match="wait_s"):
        catalog.load_engagement(tmp_path)
