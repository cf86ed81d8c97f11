"""Host intrusion detection by product: what its processes and packages are called.

None of these names comes from a vendor's own reference: `second_hand` is told by several public sources,
`memory` is what people remember. A process of that name is proof that it runs and of nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Product:
    """Names of processes, and of packages that bring them; `certainty` as in the docstring above."""

    processes: tuple[str, ...]
    packages: tuple[str, ...] = ()
    certainty: str = "second_hand"


PRODUCTS: Final[Mapping[str, Product]] = {
    "Wazuh": Product(("wazuh-agentd", "wazuh-syscheckd"), ("wazuh-agent",)),
    "OSSEC": Product(("ossec-agentd", "ossec-syscheckd"), ("ossec-hids", "ossec-hids-agent")),
    "fail2ban": Product(("fail2ban-server",), ("fail2ban", "fail2ban-server")),
    "Samhain": Product(("samhain",), ("samhain",)),
    "osquery": Product(("osqueryd",), ("osquery",)),
    "Falco": Product(("falco",), ("falco",)),
    "Suricata": Product(("Suricata-Main", "suricata"), ("suricata",)),
    "Snort": Product(("snort",), ("snort",)),
    "CrowdSec": Product(("crowdsec",), ("crowdsec",)),
    "Tetragon": Product(("tetragon",), ("tetragon",)),
    "Elkeid": Product(("elkeid-agent", "elkeid"), ("elkeid-agent",)),
    "青藤云主机安全": Product(("titanagent", "titan_agent"), ("titan-agent",), "memory"),
    "奇安信主机安全": Product(("qaxsafed", "qax-safed", "avserver"), ("qaxsafe",), "memory"),
    "深信服 EDR": Product(("edr_agent", "sfavsrv", "sangfor_watchdog"), ("sangfor-edr",), "memory"),
    "安恒 EDR": Product(("edr-agent", "dbappsecurity"), (), "memory"),
    "安全狗": Product(("sdui", "sdsvrd"), ("safedog",), "memory"),
    "亚信安全 DeepSecurity": Product(("ds_agent", "ds_am"), ("ds_agent",)),
    "阿里云安骑士": Product(("AliYunDun", "AliYunDunMonito")),
    "腾讯云主机安全": Product(("YDService", "YDLive")),
    "华为云主机安全": Product(("hostguard", "hostwatch"), ("hostguard",)),
}
# Anti-malware looks for known files; that is another clause, and told so that nobody takes it for this one.
ANTIVIRUS: Final[Mapping[str, Product]] = {
    "ClamAV": Product(("clamd", "freshclam"), ("clamav-daemon", "clamd")),
}
