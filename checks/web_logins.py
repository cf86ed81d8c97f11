"""When a login attempt may be believed: shared by the questions about empty and default passwords."""

from __future__ import annotations

from dengbao.probes.web.facts import ControlSeen, LoginSeen


def believed(attempt: LoginSeen, control: ControlSeen) -> bool | None:
    """Tell whether an attempt was accepted, as far as controls bear it out.

    Accepted: a page was reached that refuses strangers, or a login that cannot exist was refused by the
    same markers. Refused: the right password is accepted in the same way (else the refusal may be due to
    how we asked), and the answer does not speak of a lock or a captcha instead.
    """
    if attempt.accepted is True:
        wrong = control.wrong
        return True if attempt.page_reached or (wrong is not None and wrong.accepted is False) else None
    if attempt.accepted is False and not attempt.locked_words and not attempt.captcha_words:
        return False if control.right is not None and control.right.accepted else None
    return None


def sight(attempt: LoginSeen) -> str:
    """Return in Chinese what an attempt brought."""
    if attempt.problem:
        return f"提交后未取得应答（{attempt.problem}）"
    parts = [f"返回 {attempt.status}"]
    if attempt.location:
        parts.append(f"转到 {attempt.location}")
    if attempt.locked_words:
        parts.append("提示锁定或尝试过于频繁")
    if attempt.captcha_words:
        parts.append("提示验证码")
    if attempt.page_reached is not None:
        parts.append("随后可访问受保护页面" if attempt.page_reached else "随后受保护页面仍要求登录")
    elif attempt.by_marker is not None:
        parts.append("符合登记的成功标志" if attempt.by_marker else "符合登记的失败标志或不符合成功标志")
    return "，".join(parts)
