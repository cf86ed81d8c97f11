"""The sections of an English Server 2012 R2 as it was installed, and worse."""

from __future__ import annotations

from .samples import (
    DAY,
    MACHINE,
    NET_EN,
    NETSTAT,
    NOW,
    auditbackup,
    auditpol,
    hardened,
    iso,
    lines,
    registry,
    secedit,
    system,
)  # fmt: skip


def weak() -> dict[str, str]:
    """Return the sections of an English Server 2012 R2 as it was installed, and worse."""
    access = {
        "MinimumPasswordAge": "0", "MaximumPasswordAge": "-1", "MinimumPasswordLength": "0",
        "PasswordComplexity": "0", "PasswordHistorySize": "0", "LockoutBadCount": "0",
        "NewAdministratorName": '"Administrator"', "ClearTextPassword": "1", "LSAAnonymousNameLookup": "1",
        "EnableGuestAccount": "1",
    }  # fmt: skip
    changes: dict[str, object] = {
        "lsa.RestrictAnonymousSAM": 0, "lsa.EveryoneIncludesAnonymous": 1, "lsa.NoLMHash": 0,
        "lsa.LimitBlankPasswordUse": 0, "winlogon.AutoAdminLogon": 1, "winlogon.DefaultPassword.present": 1,
        "winlogon.CachedLogonsCount": 10, "system.DontDisplayLastUserName": 0,
        "system.InactivityTimeoutSecs": 0, "memory.ClearPageFileAtShutdown": 0,
        "crash.CrashDumpEnabled": 1, "server.SMB1": 1, "server.AutoShareServer": 1,
        "server.NullSessionShares": "public", "rdptcp.UserAuthentication": 0, "rdptcp.SecurityLayer": 0,
        "rdppolicy.MaxIdleTime": 0, "schannel.SSL 3.0.Enabled": 1, "schannel.TLS 1.0.Enabled": 1,
        "boot.UEFISecureBootEnabled": 0, "boot.PEFirmwareType": 1,
    }  # fmt: skip
    return {
        **hardened(),
        "system": system("Microsoft Windows Server 2012 R2 Standard", 9600, culture="en-US"),
        "secedit": secedit(access, "0", "SeSecurityPrivilege = *S-1-5-32-544,*S-1-5-32-545\n"
                                        "SeDebugPrivilege = *S-1-1-0"),
        "netaccounts": NET_EN,
        "auditpol": auditpol(language="en", default=0), "auditbackup": auditbackup(default=0),
        "accounts": lines(
            ("account", "Administrator", f"{MACHINE}-500", 0x10201, 900 * DAY, "", NOW - DAY, ""),
            ("account", "Guest", f"{MACHINE}-501", 0x10221, 0, "never", "", ""),
            ("account", "oldvendor", f"{MACHINE}-1003", 0x10221, 900 * DAY, "", NOW - 800 * DAY, ""),
        ),
        "groups": lines(
            ("group", "S-1-5-32-544", "Administrators"),
            ("member", "S-1-5-32-544", f"{MACHINE}-500", "Administrator", "User", ""),
            ("member", "S-1-5-32-544", "S-1-5-11", "Authenticated Users", "Group", ""),
        ),
        "registry": registry(changes),
        "screens": lines(("hive", f"{MACHINE}-500"),
                         ("value", f"{MACHINE}-500.user.ScreenSaveActive", "String", 0)),
        "services": lines(
            ("service", "EventLog", "Stopped", "Disabled", "", "", ""),
            ("service", "TlntSvr", "Running", "Auto", "LocalSystem", "tlntsvr.exe", "Telnet"),
            ("service", "RemoteRegistry", "Running", "Auto", "LocalService", "svchost.exe", ""),
            ("service", "MySQL", "Running", "Auto", "LocalSystem", "C:\\bin\\mysqld.exe", ""),
            ("service", "OssecSvc", "Stopped", "Manual", "LocalSystem", "ossec-agent.exe", ""),
            ("rights", "EventLog", "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCLCSWRPWPDTLOCRRC;;;WD)"),
        ),
        "shares": lines(
            ("share", "C$", 2147483648, "C:\\"), ("share", "ADMIN$", 2147483648, "C:\\Windows"),
            ("share", "IPC$", 2147483651, ""), ("share", "public", 0, "D:\\public"),
            ("entry", "public", "S-1-1-0", 2032127, 0),
        ),
        "netstat": NETSTAT.replace("0.0.0.0:135 ", "0.0.0.0:23  "),
        "firewall": lines(
            ("profile", "local", "DomainProfile", 0, "", "", 0),
            ("profile", "local", "StandardProfile", 0, "", "", 0),
            ("profile", "local", "PublicProfile", 0, "", "", 0), ("rules", "local"), ("active", 4),
        ),
        "updates": lines(
            ("hotfix", "KB2919355", "Update", "3/18/2014"), ("searched_at", NOW - 900 * DAY),
            ("pending", "KB5034819", "Critical", "0fa1201d-4330-4fa8-8ae9-b877473b6441"),
            ("search", "complete"),
        ),
        "features": lines(("feature", "TelnetServer"), ("feature", "SMB1Protocol"), ("feature", "SNMP")),
        "programs": lines(
            ("program", "TeamViewer 11", "11.0", "TeamViewer"), ("program", "向日葵远程控制", "12", "")
        ),
        "logs": lines(
            ("gl", "Security", "enabled: true"), ("gl", "Security", "  retention: false"),
            ("gl", "Security", "  autoBackup: false"), ("gl", "Security", "  maxSize: 20971520"),
            ("gl", "Security", "channelAccess: O:BAG:SYD:(A;;CCLCSDRCWDWO;;;SY)(A;;CCLC;;;BA)(A;;CCLC;;;WD)"),
            ("file", "Security", 20975616, 30000), ("oldest", "Security", iso(NOW - 9 * DAY)),
            ("acl", "Security", "O:SYG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;BU)"), ("subscriptions", "read"),
        ),
        "events": lines(("event", 4624, 1, "0x8020000000000000", "LogonType")),
        "antivirus": lines(("unread", "center", ""), ("unread", "defender", "")),
        "trust": lines(("tpm", "absent"), ("volume", "C:", 0), ("guard", "running", "0"),
                       ("guard", "code_integrity", 0)),
    }  # fmt: skip
