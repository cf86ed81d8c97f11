"""Sections as `collect-windows.ps1` writes them, in the shapes of Microsoft's documentation.

Nothing here was recorded on a real Windows. Chinese and English systems, alone, members and controllers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ..envelopes import frame, sealed, unsealed

NOW = 1_772_330_400
DAY = 86400
MACHINE = "S-1-5-21-1004336348-1177238915-682003330"
LOGON = "0cce9215-69ae-11d9-bed3-505054503030"


def lines(*records: tuple[object, ...]) -> str:
    """Return records of tab-separated fields."""
    return "\n".join("\t".join(str(one).replace("\\", "\\\\") for one in record) for record in records)


def system(
    caption: str = "Microsoft Windows Server 2019 Standard", build: int = 17763, role: int = 2,
    culture: str = "zh-CN",
) -> str:  # fmt: skip
    """Return the system section; role 2 stands alone, 3 is a member, 5 a controller."""
    return lines(
        ("caption", caption), ("version", f"10.0.{build}"), ("build", build), ("service_pack", 0),
        ("product_type", 2 if role in (4, 5) else 3), ("domain_role", role),
        ("domain", "WORKGROUP" if role == 2 else "hospital.test"), ("installed", NOW - 400 * DAY),
        ("booted", NOW - 3 * DAY), ("now", NOW), ("culture", culture), ("powershell", "5.1.17763.1"),
        ("user", "SRV-HIS01\\运维甲"), ("user_sid", f"{MACHINE}-1001"), ("administrator", "True"),
        ("registry.UBR", 5329), ("registry.InstallationType", "Server"),
    )  # fmt: skip


def secedit(access: Mapping[str, str] | None = None, audit: str = "3", rights: str = "") -> str:
    """Return a policy export; `access` replaces lines of [System Access]."""
    values = {
        "MinimumPasswordAge": "1", "MaximumPasswordAge": "90", "MinimumPasswordLength": "10",
        "PasswordComplexity": "1", "PasswordHistorySize": "5", "LockoutBadCount": "5",
        "ResetLockoutCount": "30", "LockoutDuration": "30", "RequireLogonToChangePassword": "0",
        "ForceLogoffWhenHourExpire": "0", "NewAdministratorName": '"院内管理"', "NewGuestName": '"Guest"',
        "ClearTextPassword": "0", "LSAAnonymousNameLookup": "0", "EnableAdminAccount": "1",
        "EnableGuestAccount": "0", **(access or {}),
    }  # fmt: skip
    held = rights or (
        "SeSecurityPrivilege = *S-1-5-32-544\nSeDebugPrivilege = *S-1-5-32-544\n"
        "SeRemoteInteractiveLogonRight = *S-1-5-32-544,*S-1-5-32-555\nSeDenyNetworkLogonRight = Guest,医生站"
    )
    categories = (
        "AuditSystemEvents", "AuditLogonEvents", "AuditObjectAccess", "AuditPrivilegeUse",
        "AuditPolicyChange", "AuditAccountManage", "AuditProcessTracking", "AuditDSAccess",
        "AuditAccountLogon",
    )  # fmt: skip
    return "\n".join(
        [
            "[Unicode]", "Unicode=yes", "[System Access]", *(f"{key} = {one}" for key, one in values.items()),
            "[Event Audit]", *(f"{one} = {audit}" for one in categories), "[Registry Values]",
            "MACHINE\\System\\CurrentControlSet\\Control\\Lsa\\NoLMHash=4,1", "[Privilege Rights]", held,
            "[Version]", 'signature="$CHICAGO$"', "Revision=1",
        ]
    )  # fmt: skip


NET_ZH = """强制用户在时间到期之后多久必须注销?:     从不
密码最短使用期限(天):                    1
密码最长使用期限(天):                    90
密码长度最小值:                          10
保持的密码历史记录长度:                  5
锁定阈值:                                5
锁定持续时间(分):                        30
锁定观测窗口(分):                        30
计算机角色:                              SERVER
命令成功完成。
"""
NET_EN = """Force user logoff how long after time expires?:       Never
Minimum password age (days):                          0
Maximum password age (days):                          Unlimited
Minimum password length:                              0
Length of password history maintained:                None
Lockout threshold:                                    Never
Lockout duration (minutes):                           30
Lockout observation window (minutes):                 30
Computer role:                                        SERVER
The command completed successfully.
"""
SUBCATEGORIES = {
    "0cce9210": ("安全状态更改", "Security State Change"), "0cce9215": ("登录", "Logon"),
    "0cce9216": ("注销", "Logoff"), "0cce9217": ("帐户锁定", "Account Lockout"),
    "0cce921b": ("特殊登录", "Special Logon"), "0cce9228": ("敏感权限使用", "Sensitive Privilege Use"),
    "0cce922f": ("审核策略更改", "Audit Policy Change"),
    "0cce9230": ("身份验证策略更改", "Authentication Policy Change"),
    "0cce9235": ("用户帐户管理", "User Account Management"),
    "0cce9237": ("安全组管理", "Security Group Management"),
    "0cce923f": ("凭据验证", "Credential Validation"),
}  # fmt: skip
WORDS = {
    "zh": ("无审核", "成功", "失败", "成功和失败"),
    "en": ("No Auditing", "Success", "Failure", "Success and Failure"),
}
TAIL = "-69AE-11D9-BED3-505054503030"


def auditpol(settings: Mapping[str, int] = {}, *, language: str = "zh", default: int = 3) -> str:
    """Return `auditpol /get /category:* /r` of a Chinese or English system; category rows have no setting."""
    head = {
        "zh": "计算机名,策略目标,子类别,子类别 GUID,包含设置,排除设置",
        "en": "Machine Name,Policy Target,Subcategory,Subcategory GUID,Inclusion Setting,Exclusion Setting",
    }[language]
    target = {"zh": "系统", "en": "System"}[language]
    rows = [
        f"SRV-HIS01,{target},{names[language == 'en']},{{{guid.upper()}{TAIL}}},"
        f"{WORDS[language][settings.get(guid, default)]},"
        for guid, names in SUBCATEGORIES.items()
    ]
    return "\n".join(["", head, *rows])


def auditbackup(settings: Mapping[str, int] = {}, *, default: int = 3, users: str = "") -> str:
    """Return the file of `auditpol /backup`, which holds numbers, users and options."""
    rows = [
        f"SRV-HIS01,System,{names[0]},{{{guid}{TAIL.lower()}}},{WORDS['zh'][settings.get(guid, default)]},,"
        f"{settings.get(guid, default)}"
        for guid, names in SUBCATEGORIES.items()
    ]
    head = "Machine Name,Policy Target,Subcategory,Subcategory GUID,Inclusion Setting,Exclusion Setting"
    options = "SRV-HIS01,,Option:CrashOnAuditFail,,Disabled,,0"
    return "\n".join([head + ",Setting Value", *rows, *([users] if users else []), options])


def accounts(*more: tuple[object, ...], guest: int = 0x10223) -> str:
    """Return accounts: a renamed Administrator, Guest, one of Windows' own, two people."""
    return lines(
        ("account", "院内管理", f"{MACHINE}-500", 0x201, 20 * DAY, NOW - 20 * DAY, NOW - DAY, ""),
        ("account", "Guest", f"{MACHINE}-501", guest, 0, "never", "", ""),
        ("account", "DefaultAccount", f"{MACHINE}-503", 0x10223, 0, "never", "", ""),
        ("account", "运维甲", f"{MACHINE}-1001", 0x201, 10 * DAY, NOW - 10 * DAY, NOW - 3600, ""),
        ("account", "审计乙", f"{MACHINE}-1002", 0x201, 30 * DAY, NOW - 30 * DAY, NOW - 5 * DAY, ""),
        *more,
    )


def groups(*more: tuple[object, ...]) -> str:
    """Return groups with their members."""
    path = "WinNT://WORKGROUP/SRV-HIS01/"
    return lines(
        ("group", "S-1-5-32-544", "Administrators"),
        ("member", "S-1-5-32-544", f"{MACHINE}-500", "院内管理", "User", path + "院内管理"),
        ("member", "S-1-5-32-544", f"{MACHINE}-1001", "运维甲", "User", path + "运维甲"),
        ("group", "S-1-5-32-573", "Event Log Readers"),
        ("member", "S-1-5-32-573", f"{MACHINE}-1002", "审计乙", "User", path + "审计乙"),
        ("group", "S-1-5-32-545", "Users"), ("group", "S-1-5-32-555", "Remote Desktop Users"),
        *more,
    )  # fmt: skip


REGISTRY: Mapping[str, object] = {
    "lsa.RunAsPPL": 1, "lsa.LmCompatibilityLevel": 5, "lsa.RestrictAnonymous": 1,
    "lsa.RestrictAnonymousSAM": 1, "lsa.EveryoneIncludesAnonymous": 0, "lsa.NoLMHash": 1,
    "lsa.LimitBlankPasswordUse": 1, "lsa.SCENoApplyLegacyAuditPolicy": 1, "lsa.CrashOnAuditFail": 0,
    "lsa.Notification Packages": "rassfm|scecli", "winlogon.AutoAdminLogon": 0,
    "winlogon.CachedLogonsCount": 0, "winlogon.DefaultPassword.present": 0,
    "system.DontDisplayLastUserName": 1, "system.EnableLUA": 1, "system.InactivityTimeoutSecs": 600,
    "system.scforceoption": 0, "memory.ClearPageFileAtShutdown": 1, "crash.CrashDumpEnabled": 0,
    "server.SMB1": 0, "server.AutoShareServer": 0, "server.RequireSecuritySignature": 1,
    "server.NullSessionShares": "", "server.RestrictNullSessAccess": 1, "rdp.fDenyTSConnections": 0,
    "rdptcp.UserAuthentication": 1, "rdptcp.SecurityLayer": 2, "rdptcp.MinEncryptionLevel": 3,
    "rdptcp.PortNumber": 3389, "rdptcp.fInheritMaxIdleTime": 1, "rdppolicy.MaxIdleTime": 600000,
    "schannel.SSL 2.0.Enabled": 0, "schannel.SSL 3.0.Enabled": 0, "schannel.TLS 1.0.Enabled": 0,
    "schannel.TLS 1.1.Enabled": 0, "schannel.TLS 1.2.Enabled": 1, "boot.PEFirmwareType": 2,
    "boot.UEFISecureBootEnabled": 1, "time.Type": "NTP", "time.NtpServer": "10.20.0.1,0x9",
}  # fmt: skip
ABSENT = (
    "rdptcp.MaxIdleTime", "rdptcp.fDenyTSConnections", "rdppolicy.fDenyTSConnections",
    "rdppolicy.UserAuthentication", "rdppolicy.SecurityLayer", "rdppolicy.MinEncryptionLevel",
    "rdppolicy.fInheritMaxIdleTime", "rdppolicy.PortNumber", "winrm.AllowUnencryptedTraffic",
    "server.AutoShareWks", "server.NullSessionPipes", "update.WUServer", "update.NoAutoUpdate",
    "winlogon.DefaultUserName",
)  # fmt: skip


def registry(changes: Mapping[str, object] = {}, absent: tuple[str, ...] = ()) -> str:
    """Return registry values; None takes one out as if it had not been read."""
    values = {**REGISTRY, **changes}
    kept = {name: one for name, one in values.items() if one is not None and name not in absent}
    return lines(
        *(("value", name, "DWord" if isinstance(one, int) else "String", one) for name, one in kept.items()),
        *(("absent", name) for name in (*ABSENT, *absent) if name not in changes),
    )


SCREENS = lines(
    ("hive", f"{MACHINE}-1001"),
    ("value", f"{MACHINE}-1001.user.ScreenSaveActive", "String", 1),
    ("value", f"{MACHINE}-1001.user.ScreenSaverIsSecure", "String", 0),
    ("value", f"{MACHINE}-1001.policy.ScreenSaverIsSecure", "String", 1),
    ("value", f"{MACHINE}-1001.user.ScreenSaveTimeOut", "String", 600),
    ("absent", f"{MACHINE}-1001.policy.ScreenSaveTimeOut"),
    ("value", f"{MACHINE}-1001.user.SCRNSAVE.EXE", "String", "C:\\Windows\\system32\\scrnsave.scr"),
)
PROVIDERS = lines(
    ("provider", "{60b78e88-ead8-445c-9cfd-0b87f74ea6cd}", "PasswordProvider",
     "C:\\Windows\\system32\\credprovs.dll", "Microsoft Corporation", 0),
    ("provider", "{8FD7E19C-3BF7-489B-A72C-846AB3678C96}", "Smartcard Credential Provider",
     "C:\\Windows\\system32\\SmartcardCredentialProvider.dll", "Microsoft Corporation", 0),
)  # fmt: skip
LOG_RIGHTS = "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)"
SERVICES = lines(
    ("service", "WinRM", "Running", "Auto", "NT AUTHORITY\\NetworkService", "svchost.exe", ""),
    ("service", "EventLog", "Running", "Auto", "NT AUTHORITY\\LocalService",
     "C:\\Windows\\System32\\svchost.exe -k LocalServiceNetworkRestricted -p", "Windows Event Log"),
    ("service", "TermService", "Running", "Manual", "NT Authority\\NetworkService",
     "C:\\Windows\\System32\\svchost.exe -k NetworkService", "Remote Desktop Services"),
    ("service", "MpsSvc", "Running", "Auto", "NT Authority\\LocalService",
     "C:\\Windows\\system32\\svchost.exe -k LocalServiceNoNetwork", "Firewall"),
    ("service", "Spooler", "Stopped", "Disabled", "LocalSystem", "spoolsv.exe", "打印后台"),
    ("service", "MSSQLSERVER", "Running", "Auto", "NT Service\\MSSQLSERVER",
     '"C:\\Program Files\\Microsoft SQL Server\\Binn\\sqlservr.exe" -sMSSQLSERVER', "SQL"),
    ("service", "OssecSvc", "Running", "Auto", "LocalSystem",
     "C:\\Program Files (x86)\\ossec-agent\\wazuh-agent.exe", "Wazuh"),
    ("rights", "EventLog", LOG_RIGHTS),
)  # fmt: skip
SHARES = lines(
    ("share", "IPC$", 2147483651, ""),
    ("share", "报表", 0, "D:\\报表"),
    ("entry", "报表", f"{MACHINE}-1001", 2032127, 0),
)
NETSTAT = """
活动连接

  协议  本地地址          外部地址        状态           PID
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       908
  TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING       1120
  TCP    127.0.0.1:14147        0.0.0.0:0              LISTENING       2200
  TCP    10.20.0.5:3389         10.20.9.9:51022        ESTABLISHED     1120
  TCP    [::]:3389              [::]:0                 LISTENING       1120
  UDP    0.0.0.0:123            *:*                                    1300
  UDP    [fe80::1%4]:546        *:*                                    1310
"""
PROCESSES = lines(("process", 908, "svchost"), ("process", 1120, "svchost"), ("process", 1300, "svchost"))
RDP_RULE = (
    "v2.27|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|RA4=10.20.9.0/255.255.255.0|"
    "App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|"
)
FIREWALL = lines(
    ("profile", "local", "DomainProfile", 1, "", "", 0), ("profile", "local", "StandardProfile", 1, 1, "", 0),
    ("profile", "local", "PublicProfile", 1, 1, "", 0),
    ("rule", "local", "RemoteDesktop-UserMode-In-TCP", RDP_RULE), ("rules", "local"), ("active", 4),
    ("effective", 1, True, 0), ("effective", 2, True, 0), ("effective", 4, True, 0),
)  # fmt: skip
UPDATES = lines(
    ("hotfix", "KB5034127", "Security Update", "1/10/2026"), ("hotfix", "KB4512577", "Update", "20190907"),
    ("hotfix", "KB123", "Update", "bad"), ("searched_at", NOW - 2 * DAY), ("installed_at", NOW - 20 * DAY),
    ("search", "complete"),
)  # fmt: skip
FEATURES = lines(("feature", "NetFx4ServerFeatures"), ("feature", "Server-Core"))
PROGRAMS = lines(("program", "Microsoft SQL Server 2019 (64-bit)", "", "Microsoft Corporation"))
ACCESS = "O:BAG:SYD:(A;;CCLCSDRCWDWO;;;SY)(A;;CCLC;;;BA)(A;;CC;;;ER)"
FILE_ACCESS = (
    "O:SYG:SYD:(A;;FA;;;S-1-5-80-880578595-1860270145-482643319-2788375705-1540778122)"
    "(A;;FA;;;SY)(A;;FA;;;BA)"
)


def logs(oldest_days: int = 200, *, maximum: int = 4 * 2**30, retention: str = "false") -> str:
    """Return settings of the three logs."""
    gl = [
        ("gl", name, line)
        for name in ("Security", "System", "Application")
        for line in (
            f"name: {name}", "enabled: true", "type: Admin", "isolation: Custom", f"channelAccess: {ACCESS}",
            "logging:", f"  logFileName: %SystemRoot%\\System32\\Winevt\\Logs\\{name}.evtx",
            f"  retention: {retention}", "  autoBackup: false", f"  maxSize: {maximum}",
        )
    ]  # fmt: skip
    return lines(
        *gl, ("file", "Security", 2**30, 900_000), ("acl", "Security", FILE_ACCESS),
        ("oldest", "Security", iso(NOW - oldest_days * DAY)),
        ("subscription", "Server=https://10.20.0.9:5986/wsman/SubscriptionManager/WEC,Refresh=60"),
        ("subscriptions", "read"),
    )  # fmt: skip


def iso(at_s: int) -> str:
    """Return a moment with as many digits as Windows writes."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S") + ".123456700Z"


EVENTS = lines(
    ("event", 4624, 1, "0x8020000000000000", "SubjectUserSid,SubjectUserName,TargetUserName,LogonType"),
    ("event", 4625, 1, "0x8010000000000000", "TargetUserName,Status,IpAddress"),
    ("event", 4720, 1, "0x8020000000000000", "TargetUserName,SubjectUserName,SubjectUserSid"),
)
ANTIVIRUS = lines(
    ("unread", "center", "Invalid namespace"),
    ("defender", "AMServiceEnabled", True),
    ("defender", "RealTimeProtectionEnabled", True),
    ("defender", "AntivirusSignatureLastUpdated", NOW - 2 * DAY),
)
TRUST = lines(
    ("tpm", "present", True, True, "2.0, 0, 1.38"), ("volume", "C:", 1), ("guard", "virtualization", 2),
    ("guard", "running", "1,2"), ("guard", "code_integrity", 2),
)  # fmt: skip
ADMIN_ONLY = ("secedit", "auditpol", "auditbackup", "events", "trust")


def hardened() -> dict[str, str]:
    """Return the sections of a Chinese Server 2019 that stands alone and is set with care."""
    return {
        "system": system(), "secedit": secedit(), "netaccounts": NET_ZH, "auditpol": auditpol(),
        "auditbackup": auditbackup(), "accounts": accounts(), "groups": groups(), "registry": registry(),
        "screens": SCREENS, "providers": PROVIDERS, "services": SERVICES, "shares": SHARES,
        "netstat": NETSTAT, "processes": PROCESSES, "firewall": FIREWALL, "updates": UPDATES,
        "features": FEATURES, "programs": PROGRAMS, "logs": logs(), "events": EVENTS,
        "antivirus": ANTIVIRUS, "trust": TRUST,
    }  # fmt: skip


def envelope(
    sections: Mapping[str, str], *, codes: Mapping[str, int] = {}, limit: int = 2**23, **header: str
) -> bytes:
    """Return the whole file; `codes` are exit codes of single sections."""
    head = {
        "platform": "windows", "collector": "collect-windows.ps1 1.0", "host": "SRV-HIS01",
        "privilege": "administrator", **header,
    }  # fmt: skip
    frames = (
        frame(name, body, limit=limit, code=codes.get(name, 0), error="拒绝访问" if codes.get(name) else "")
        for name, body in sections.items()
    )
    return sealed(unsealed(*frames, done=True, **head))
