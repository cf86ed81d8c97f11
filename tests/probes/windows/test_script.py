"""The collector is read-only, by its text: there is no PowerShell here to run it with.

Held are every command, every .NET type and every method it names, against lists of what only reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from dengbao.probes.windows import sections

from .samples import hardened

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "templates" / "collect" / "collect-windows.ps1"
TEXT = SCRIPT.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
CODE = "\n".join(line for line in TEXT.split("\n") if not line.lstrip().startswith("#"))
TREE = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language())).parse(TEXT.encode())

OWN = {
    "Add-Text", "Clear-Field", "Put", "Put-Raw", "Need-Admin", "Test-Denied", "Section", "Get-Epoch",
    "Get-WmiEpoch", "Put-Reg", "Put-RegSet", "Invoke-Get", "Get-Sid", "Get-Scratch", "Put-Export",
}  # fmt: skip
# Cmdlets that only read, speak to the operator, or make and wait for a process of our own.
READING = {
    "Get-Acl", "Get-Command", "Get-Culture", "Get-Date", "Get-LocalUser", "Get-Location", "Get-Process",
    "Get-WmiObject", "Join-Path", "New-Object", "Test-Path", "Write-Host", "Start-Job", "Wait-Job",
    "Receive-Job", "Stop-Job", "Remove-Job",
}  # fmt: skip
# Programs with the words that make them read; anything else of them may write.
PROGRAMS = {
    "auditpol.exe": ("/get '/category:*' /r", "/backup ('/file:' + $file)"),
    "net.exe": ("accounts",),
    "netstat.exe": ("-ano",),
    "sc.exe": ("sdshow EventLog",),
    "secedit.exe": ("/export /cfg $file /log $log /quiet",),
    "wevtutil.exe": (
        "gl $name",
        "qe $name /c:1 /rd:false /f:xml",
        "qe Security ('/q:' + $query) /c:60 /rd:true /f:xml",
    ),
}
# In the folder of our own under the temporary one, and nowhere else.
SCRATCH = {
    "New-Item": "New-Item -ItemType Directory -Path $folder",
    "Remove-Item": "Remove-Item -LiteralPath $folder -Recurse -Force",
}
TYPES = {
    "ADSI", "Array", "BitConverter", "DateTime", "DateTimeKind", "Diagnostics.FileVersionInfo", "Guid",
    "IO.File", "IO.FileAccess", "IO.FileMode", "IO.Path", "IntPtr", "Management.ManagementDateTimeConverter",
    "Microsoft.Win32.Registry", "Reflection.BindingFlags", "Security.Cryptography.SHA256",
    "Security.Principal.WindowsBuiltInRole", "Security.Principal.WindowsIdentity",
    "Security.SecurityException", "UnauthorizedAccessException", "byte", "int", "int64", "scriptblock",
    "string", "void",
}  # fmt: skip
MADE = {
    "Security.Principal.WindowsPrincipal", "DateTime", "Text.StringBuilder", "UnauthorizedAccessException",
    "Security.Principal.SecurityIdentifier", "Xml.XmlDocument", "Text.UTF8Encoding", "IO.FileStream",
    "Security.Cryptography.SHA256CryptoServiceProvider", "-ComObject",
}  # fmt: skip
COM = {"HNetCfg.FwPolicy2", "Microsoft.Update.AutoUpdate", "Microsoft.Update.Session"}
METHODS = {
    "Append", "Close", "ComputeHash", "Create", "CreateUpdateSearcher", "DefaultInboundAction",
    "FirewallEnabled", "GetAttribute", "GetBytes", "GetCurrent", "GetElementsByTagName",
    "GetSecurityDescriptor",
    "GetSubKeyNames", "GetTempPath", "GetType", "GetValue", "GetValueKind", "GetValueNames",
    "GetVersionInfo", "Invoke", "InvokeMember", "IsInRole", "IsPathRooted", "Item", "Join", "LoadXml",
    "NewGuid", "OpenSubKey", "ReadAllText", "Replace", "Search", "SpecifyKind", "Split", "Substring",
    "ToDateTime", "ToLower", "ToString", "ToUniversalTime", "Trim", "TrimEnd", "Write",
}  # fmt: skip
# What came with PowerShell 3.0 and later; Server 2008 R2 has 2.0.
LATER = (
    r"\[ordered\]", r"\[pscustomobject\]", r"-(?:not)?in\b", r"ConvertTo-Json", r"Get-CimInstance",
    r"\s-Raw\b",
    r"::new\(", r"\.(?:Where|ForEach)\(", r"\$PSItem", r"\$PSScriptRoot", r"IsNullOrWhiteSpace", r"&&",
    r"\?\?", r"ConvertFrom-Json", r"-Directory\b", r"-File\b", r"\busing\s", r"^class\s",
)  # fmt: skip


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def said(node: tree_sitter.Node) -> str:
    return re.sub(r"\s+", " ", (node.text or b"").decode()).strip()


def commands() -> Iterator[tuple[str, str]]:
    """Yield name and whole text of every command."""
    for node in walk(TREE.root_node):
        if node.type == "command":
            name = next(one for one in node.children if one.type in ("command_name", "command_name_expr"))
            yield said(name), said(node)


def test_it_is_powershell() -> None:
    assert not TREE.root_node.has_error
    assert len(list(commands())) > 100


def test_windows_powershell_reads_its_chinese() -> None:
    """Without a mark Windows PowerShell takes the file for the system's own code page."""
    data = SCRIPT.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert len(max(TEXT.split("\n"), key=len)) < 140


def test_every_command_only_reads() -> None:
    allowed = OWN | READING | set(PROGRAMS) | set(SCRATCH)
    assert {name for name, _ in commands()} - allowed == {"$body"}, "$body is a section of the script itself"


def test_own_functions_are_those_that_are_defined() -> None:
    defined = set(re.findall(r"^function ([\w-]+)", TEXT, re.MULTILINE))
    assert defined == OWN
    assert re.findall(r"& (\S+)", CODE) == ["$body"]


def test_programs_are_called_with_words_that_read() -> None:
    wrong = [
        text for name, text in commands()
        if name in PROGRAMS and text.removeprefix(name).strip() not in PROGRAMS[name]
    ]  # fmt: skip
    assert wrong == []
    assert not re.search(r"/(?:set|configure|import|restore|clear|remove|add|delete)\b", CODE, re.IGNORECASE)


def test_only_a_folder_of_our_own_is_made_and_it_is_removed() -> None:
    found = [text for name, text in commands() if name in SCRATCH]
    assert set(found) == set(SCRATCH.values())
    made, removed = CODE.count("Get-Scratch\n"), CODE.count(SCRATCH["Remove-Item"])
    assert made == removed == 2
    for part in re.findall(r"\$folder = Get-Scratch\n(.*?)\n}\n", CODE, re.DOTALL):
        assert re.match(r"\s+try \{.*\} finally \{\s+" + re.escape(SCRATCH["Remove-Item"]), part, re.DOTALL)
    assert "Join-Path ([IO.Path]::GetTempPath()) ('dengbao-' + [Guid]::NewGuid()" in CODE


def test_the_one_file_is_new_and_the_operators() -> None:
    assert re.findall(r"New-Object IO\.FileStream\((.*?)\)", CODE) == [
        "$Out, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write"
    ]
    assert re.findall(r"(\$\w+)\.Write\(", CODE) == ["$stream", "$stream"]
    assert [one for one in walk(TREE.root_node) if one.type == "redirection"] == []


def test_types_and_methods_only_read() -> None:
    casts = {said(one) for one in walk(TREE.root_node) if one.type == "type_spec"}
    assert {one.removesuffix("[]") for one in casts} <= TYPES
    made = {word for _, word in re.findall(r"(New-Object) ([\w.-]+)", CODE)}
    assert made == MADE
    assert set(re.findall(r"-ComObject ([\w.]+)", CODE)) == COM
    called = set(re.findall(r"(?:\.|::)([A-Za-z_]\w*)\(", CODE))
    assert called - {one.rpartition(".")[2] for one in made} == METHODS


def test_reflection_and_automation_read_properties_only() -> None:
    assert re.findall(r"\.Invoke\((.*?)\)", CODE) == ["'Members'"]
    assert re.findall(r"InvokeMember\((.*?)\)", CODE) == [
        "$name, [Reflection.BindingFlags]::GetProperty, $null, $thing, $null"
    ]
    assert re.findall(r"\$searcher\.Online = (\S+)", CODE) == ["$false"]


def test_the_registry_is_opened_for_reading() -> None:
    for inside in re.findall(r"OpenSubKey\(\s*([^()]*)\)", CODE):
        assert "," not in inside, "a second argument would ask for the right to write"


def test_no_setting_of_the_machine_or_the_user_is_assigned() -> None:
    assigned = re.findall(r"^\s*\$(env:\w+|global:\w+)\s*\+?=", CODE, re.MULTILINE)
    assert assigned == ["env:Path"], "of this process alone"
    assert not re.search(
        r"\b(?:Set|Add|Enable|Disable|Install|Import|Invoke|Start|Restart)-(?!Text|Job|Get)", CODE
    )


def test_nothing_reaches_for_the_network() -> None:
    assert not re.search(r"Net\.|WebClient|Sockets|http|Test-Connection|Resolve-|-ComputerName", CODE)


@pytest.mark.parametrize("construct", LATER)
def test_powershell_2_understands_it(construct: str) -> None:
    assert not re.search(construct, CODE, re.IGNORECASE if construct.startswith(r"\[") else 0)


def test_no_password_is_written_down() -> None:
    """The password of an automatic login stands in the registry in clear: only its presence is told."""
    lines = [line for line in CODE.split("\n") if "DefaultPassword" in line]
    assert len(lines) == 1
    assert "GetValueNames()) -contains 'DefaultPassword'" in lines[0]
    assert "InnerText" in CODE  # records of the log: names of filled fields, and three header fields
    assert re.findall(r"Put 'event' (.*)", CODE) == ["$id ([int]($time -ne '')) $result ($names -join ',')"]


def test_sections_are_those_the_reader_knows() -> None:
    named = re.findall(r"^Section '(\w+)' '", CODE, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == set(hardened()) == set(sections._TITLES)


def test_it_says_what_it_does_and_that_it_was_not_tried() -> None:
    head = TEXT.split("param(")[0]
    for word in ("只读", "管理员", "没有在真实的 Windows 上运行过", "不联网", "不读什么", "用后即删"):
        assert word in head
    assert "正在查看" in CODE
