"""Sealing and the approvals of the four parties: the gate's reasons with links, scans of stamped pages."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from ...errors import UsageError
from ...evidence import MAX_FILE_BYTES
from ...model import Person
from ...model.approvals import PartyRole, SignatureTool
from ...packet.approvals import Said, SignatureFiles, approve, examine_approvals
from ...packet.current import Current, changed_since, newest_packet
from ...packet.detached import signed_line
from ...packet.dsse import PassphraseWanted, PublicKey, SigningKey, load_key, new_key, public_key
from ...packet.faults import Sort, Waiver
from ...packet.keyplace import LONG_ENOUGH, default_key
from ..missing import page_of
from ..tasks import Say
from ..visit import Visit, act, look

_BLOCK: Final = 1 << 20


def show(visit: Visit) -> Response:
    """Show whether a round may be sealed, by which key, and what each party said."""
    state, directory = visit.desk.state(), visit.desk.directory
    engagement, last = state.session.engagement, visit.tasks.last
    current = newest_packet(directory)
    changed = changed_since(directory, current) if current is not None else ()
    return visit.page(
        "papers_seal.html", state=state, current=current, changed=changed, key=_public(), place=default_key(),
        parties=[(one, one.name_in(engagement)) for one in PartyRole], tools=tuple(SignatureTool),
        approvals=examine_approvals(directory, engagement, current, changed), task=last,
        faults=last.reasons if last is not None else (), Sort=Sort,
        page_of=lambda place: page_of(state, place),
        line=signed_line(current.packet, current.seal.report_number).decode().rstrip() if current else "",
    )  # fmt: skip


def make_key(visit: Visit) -> Response:
    """Make this user's sealing key, encrypted by a passphrase that is typed twice."""
    passphrase = visit.filled.raw("passphrase")
    if passphrase != visit.filled.raw("again"):
        raise UsageError("两次输入的口令不同", cure="重新输入")
    if len(passphrase) < LONG_ENOUGH:
        raise UsageError(f"口令不足 {LONG_ENOUGH} 个字符", cure="换一个更长的口令")
    place = default_key()
    if place.exists():
        raise UsageError("本机用户已有封存密钥，不覆盖", where=str(place), cure="直接用它封存")
    made = new_key(place, passphrase)
    return visit.go("/papers/seal", f"密钥已生成，指纹 {made.public.fingerprint}；请备份私钥与口令")


def seal(visit: Visit) -> Response:
    """Begin to seal the newest round; the same as `dengbao seal`."""
    by = visit.someone()
    state = visit.desk.state()
    chosen = state.round
    if chosen is None:
        raise UsageError("尚无检测记录，不能封存", cure="先在“检测”页开始检测")
    key = _opened(visit.filled.raw("passphrase"))
    waiver = _waiver(visit)

    def work(say: Say) -> str:
        from ...packet.sealing import seal_folder  # noqa: PLC0415 - Word takes long to import

        done = seal_folder(state.session, chosen, by=by, key=key, waiver=waiver, say=say)
        again = "（内容未变，与上次逐字节相同）" if done.again else ""
        return f"已封存 {done.sealed.path.name}{again}，摘要 {done.sealed.packet}"

    visit.tasks.start("封存", work)
    return visit.go("/papers/seal#task")


def _waiver(visit: Visit) -> Waiver:
    places = visit.filled.texts("allow", "放行")
    if not places:
        return Waiver()
    agreed = Person(
        name=visit.filled.text("agreed_name", "第二人姓名", most=40, needed=True),
        org=visit.filled.text("agreed_org", "第二人单位", most=80, needed=True),
    )
    return Waiver(
        places=places, why=visit.filled.text("why", "放行的理由", most=500, needed=True), agreed=agreed
    )


def _opened(passphrase: str) -> SigningKey:
    place = default_key()
    try:
        return load_key(place, passphrase)
    except PassphraseWanted as exc:
        raise UsageError("需要密钥的口令", cure="在“密钥口令”处填写后再封存") from exc


def _public() -> PublicKey | None:
    place = default_key()
    public = place.with_name(f"{place.name}.pub")
    try:
        return public_key(public.read_text(encoding="utf-8")) if public.is_file() else None
    except (UsageError, OSError, UnicodeDecodeError):
        return None


def stamp(visit: Visit) -> Response:
    """File what a party says, with the scan of the page it stamped; the same as `dengbao approve`."""
    filled, directory = visit.filled, visit.desk.directory
    engagement = visit.desk.state().session.engagement
    party = filled.choice("party", PartyRole, "哪一方")
    on = filled.day("on", "签署日期")
    if on is None:
        raise UsageError("“签署日期”未填", cure="填写后再提交")
    name = filled.text("name", "签署人姓名", most=40, needed=True)
    current = _sealed(directory)
    with tempfile.TemporaryDirectory(prefix="dengbao-approval-") as folder:
        scan = _brought(visit, "scan", "盖章页扫描件", Path(folder))
        if scan is None:
            raise UsageError("未附盖章页扫描件", cure="选择 PDF 或图片后再提交")
        by = Person(name=name, org=party.name_in(engagement))
        said = Said(party, by, on, scan, _signed(visit, Path(folder)))
        filed = approve(directory, engagement, current, said)
    return visit.go("/papers/seal#approvals", f"已登记 {filed.id}：{party.zh}，{name}")


def _sealed(directory: Path) -> Current:
    current = newest_packet(directory)
    if current is None:
        raise UsageError("尚未封存，不能登记盖章意见", cure="先封存")
    changed = changed_since(directory, current)
    if changed:
        raise UsageError(
            f"封存之后内容有改动：{'；'.join(changed[:3])}", cure="恢复原样；或重新封存，再由四方盖章"
        )
    return current


def _signed(visit: Visit, folder: Path) -> SignatureFiles | None:
    signature = _brought(visit, "signature", "签名文件", folder)
    key = _brought(visit, "public_key", "公钥", folder)
    tool = visit.filled.raw("tool")
    if signature is None and key is None and not tool:
        return None
    if signature is None or key is None or not tool:
        raise UsageError("附签名须同时给出签名文件、公钥与程序", cure="三者缺一不可；也可以都不附")
    return SignatureFiles(visit.filled.choice("tool", SignatureTool, "签名程序"), signature, key)


def _brought(visit: Visit, field: str, title: str, folder: Path) -> Path | None:
    """Write an uploaded file into a folder of our own under our own name; its ending is kept."""
    found = visit.filled.files(field)
    if not found:
        return None
    suffix = Path(found[0].filename or "").suffix.lower()
    target = (
        folder / f"{field}{suffix if suffix.isascii() and suffix[1:].isalnum() and len(suffix) < 9 else ''}"
    )
    _copy(found[0], target, title)
    return target


def _copy(upload: UploadFile, target: Path, title: str) -> None:
    size = 0
    with target.open("xb") as out:
        while block := upload.file.read(_BLOCK):
            size += len(block)
            if size > MAX_FILE_BYTES:
                raise UsageError(
                    f"{title}超过 {MAX_FILE_BYTES // 1024 // 1024} MB", cure="降低扫描分辨率后重试"
                )
            out.write(block)


ROUTES: Final[tuple[Route, ...]] = (
    look("/papers/seal", show),
    act("/papers/key", make_key, even_sealed=True),
    act("/papers/seal", seal, even_sealed=True),
    act("/papers/stamp", stamp, even_sealed=True),
)
