"""What a visitor meets in each of the two states."""

from __future__ import annotations

import socket
import sqlite3
import ssl
import warnings
from contextlib import closing
from http.cookies import SimpleCookie

import httpx
import pytest

from dengbao.demo.people import patients

from .conftest import PASSWORD, Hospital

PATIENT = patients()[0]


def rows(hospital: Hospital, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{hospital.places.database}?mode=ro", uri=True)) as db:
        return db.execute(query, values).fetchall()


def change(hospital: Hospital, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(hospital.places.database)) as db, db:
        db.execute(statement, values)


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    morsel = SimpleCookie(answer.headers["set-cookie"])["HISSESSID"]
    return {key: str(value) for key, value in morsel.items() if value}


@pytest.mark.parametrize("state", ["before", "after"])
def test_right_password_opens_and_wrong_one_does_not(state: str, request: pytest.FixtureRequest) -> None:
    hospital: Hospital = request.getfixturevalue(state)
    with hospital.browser() as browser:
        wrong = browser.log_in("jiance01", "Wrong#2023-demo")
        assert (wrong.status_code, "用户名或口令错误" in wrong.text) == (401, True)
        assert browser.get("/patients").headers["location"] == "/login"
        right = browser.log_in("jiance01", PASSWORD)
        assert (right.status_code, right.headers["location"]) == (303, "/")
        assert PATIENT.record_no in browser.get("/patients").text


@pytest.mark.parametrize("state", ["before", "after"])
def test_form_without_its_token_is_refused(state: str, request: pytest.FixtureRequest) -> None:
    hospital: Hospital = request.getfixturevalue(state)
    with hospital.browser() as browser:
        browser.get("/login")
        answer = browser.client.post("/login", data={"username": "jiance01", "password": PASSWORD})
        assert answer.status_code == 403


def test_default_account_and_empty_password_work_before(before: Hospital) -> None:
    for username, password in (("admin", "admin"), ("jiance01", "")):
        with before.browser() as browser:
            assert browser.log_in(username, password).status_code == 303


def test_default_account_and_empty_password_are_refused_after(after: Hospital) -> None:
    for username, password in (("admin", "admin"), ("admin", ""), ("jiance01", "")):
        with after.browser() as browser:
            assert browser.log_in(username, password).status_code == 401


def test_roles_see_only_their_own_pages_after(after: Hospital) -> None:
    seen = {}
    for username in ("ys001", "sf001", "xt001", "sj001"):
        with after.browser() as browser:
            browser.log_in_staff(username)
            paths = ("/patients", "/settlements", "/admin/users", "/audit")
            seen[username] = tuple(browser.get(path).status_code for path in paths)
    assert seen == {
        "ys001": (200, 403, 403, 403),
        "sf001": (200, 200, 403, 403),
        "xt001": (403, 403, 200, 403),
        "sj001": (403, 403, 403, 200),
    }


def test_anybody_logged_in_sees_every_page_before(before: Hospital) -> None:
    with before.browser() as browser:
        browser.log_in_staff("ys001")
        assert [browser.get(one).status_code for one in ("/admin/users", "/audit")] == [200, 200]


def test_print_page_is_open_to_anybody_before_and_closed_after(before: Hospital, after: Hospital) -> None:
    with before.browser() as browser:
        assert PATIENT.id_card in browser.get("/patients/1/print").text
    with after.browser() as browser:
        assert browser.get("/patients/1/print").headers["location"] == "/login"


def test_pages_show_personal_data_in_clear_before_and_masked_after(before: Hospital, after: Hospital) -> None:
    with before.browser() as browser:
        browser.log_in_staff("ys001")
        text = browser.get(f"/patients?q={PATIENT.id_card}").text
        assert PATIENT.id_card in text
    with after.browser() as browser:
        browser.log_in_staff("ys001")
        listed, shown = browser.get(f"/patients?q={PATIENT.id_card}").text, browser.get("/patients/1").text
        assert PATIENT.record_no in listed
        assert not any(one in listed + shown for one in (patients()[1].id_card, PATIENT.phone))
        assert PATIENT.id_card not in shown


def test_database_holds_personal_data_in_clear_before_and_sealed_after(
    before: Hospital, after: Hospital
) -> None:
    values = [value for one in patients() for value in (one.id_card, one.phone, one.name)]
    clear, sealed = before.places.database.read_bytes(), after.places.database.read_bytes()
    assert all(one.encode() in clear for one in values)
    assert not any(one.encode() in sealed for one in values)


def test_passwords_are_md5_before_and_scrypt_after(before: Hospital, after: Hospital) -> None:
    assert {len(str(one)) for (one,) in rows(before, "SELECT password FROM users")} == {32}
    assert all(str(one).startswith("$scrypt$") for (one,) in rows(after, "SELECT password FROM users"))


def test_cookie_has_no_flag_before_and_all_after(before: Hospital, after: Hospital) -> None:
    with before.browser() as browser:
        assert cookie_of(browser.log_in_staff("ys001")) == {"path": "/"}
    with after.browser() as browser:
        found = cookie_of(browser.log_in_staff("ys001"))
        assert found == {"path": "/", "secure": "True", "httponly": "True", "samesite": "strict"}


def test_session_gets_a_new_id_at_login_only_after(before: Hospital, after: Hospital) -> None:
    renewed = []
    for hospital in (before, after):
        with hospital.browser() as browser:
            browser.get("/login")
            planted = browser.client.cookies["HISSESSID"]
            browser.log_in_staff("ys001")
            renewed.append(browser.client.cookies["HISSESSID"] != planted)
    assert renewed == [False, True]


def test_logout_ends_the_session_on_the_server_only_after(before: Hospital, after: Hospital) -> None:
    alive = []
    for hospital in (before, after):
        with hospital.browser() as browser:
            browser.log_in_staff("ys001")
            old = browser.client.cookies["HISSESSID"]
            browser.get("/logout")
            assert "HISSESSID" not in browser.client.cookies
            answer = browser.client.get("/patients", headers={"Cookie": f"HISSESSID={old}"})
            alive.append(answer.status_code == 200)
    assert alive == [True, False]


def test_idle_session_is_ended_only_after(before: Hospital, after: Hospital) -> None:
    alive = []
    for hospital in (before, after):
        with hospital.browser() as browser:
            browser.log_in_staff("ys001")
            change(hospital, "UPDATE sessions SET last_seen_at = last_seen_at - 601 WHERE username = 'ys001'")
            alive.append(browser.get("/patients").status_code == 200)
    assert alive == [True, False]


def test_fifth_wrong_password_locks_the_account_only_after(before: Hospital, after: Hospital) -> None:
    with before.browser() as browser:
        for _ in range(6):
            browser.log_in("sf001", "Wrong#2023-demo")
        assert browser.log_in_staff("sf001").status_code == 303
    with after.browser() as browser:
        texts = [browser.log_in("sf001", "Wrong#2023-demo").text for _ in range(5)]
        assert ["已锁定" in one for one in texts] == [False, False, False, False, True]
        assert browser.log_in_staff("sf001").status_code == 401
    with after.browser() as admin:
        admin.log_in_staff("xt001")
        assert admin.submit("/admin/users", "/admin/users/sf001/enabled", enabled="1").status_code == 303
    with after.browser() as browser:
        assert browser.log_in_staff("sf001").status_code == 303


def test_cashier_settles_a_visit_once(after: Hospital) -> None:
    waiting = int(str(rows(after, "SELECT id FROM visits WHERE settled_at IS NULL")[0][0]))
    with after.browser() as browser:
        browser.log_in_staff("sf001")
        first = browser.submit("/settlements", f"/settlements/{waiting}")
        again = browser.submit("/settlements", f"/settlements/{waiting}")
    assert (first.status_code, again.status_code) == (303, 409)
    assert rows(after, "SELECT settled_by FROM visits WHERE id = ?", waiting) == [("sf001",)]


def test_new_account_needs_a_good_password_and_a_free_name(after: Hospital) -> None:
    with after.browser() as admin:
        admin.log_in_staff("xt001")

        def add(username: str, password: str) -> httpx.Response:
            return admin.submit(
                "/admin/users", "/admin/users", username=username, password=password, role="doctor"
            )

        assert "8位" in add("ys002", "Ab1#").text
        assert add("ys002", "Abcd#2023").status_code == 303
        assert "已存在" in add("ys002", "Abcd#2023").text
        assert add("ys 003", "Abcd#2023").status_code == 422
        assert admin.submit("/admin/users", "/admin/users/ys002/enabled", enabled="0").status_code == 303
    with after.browser() as browser:
        assert browser.log_in("ys002", "Abcd#2023").status_code == 401


def test_password_older_than_ninety_days_must_be_changed_first(after: Hospital) -> None:
    change(
        after, "UPDATE users SET password_changed_at = password_changed_at - 90*86400 WHERE username='sj001'"
    )
    with after.browser() as browser:
        assert browser.log_in_staff("sj001").headers["location"] == "/password"
        assert browser.get("/audit").headers["location"] == "/password"
        old = f"{PASSWORD}-sj001"
        assert "原口令错误" in browser.submit("/password", "/password", old="x", new="Abcd#2023").text
        assert "8位" in browser.submit("/password", "/password", old=old, new="Ab1#").text
        assert "已修改" in browser.submit("/password", "/password", old=old, new="Abcd#2023").text
        assert browser.get("/audit").status_code == 200
        browser.submit("/password", "/password", old="Abcd#2023", new=old)


def test_audit_trail_knows_only_logins_before(before: Hospital) -> None:
    with before.browser() as browser:
        browser.log_in("jiance01", "Wrong#2023-demo")
        browser.log_in_staff("ys001")
        browser.get("/patients/1")
    assert rows(before, "SELECT DISTINCT event, success FROM audit") == [("登录", 1)]


def test_audit_trail_tells_who_did_what_from_where_after(after: Hospital) -> None:
    with after.browser() as browser:
        browser.log_in("xt001", "Wrong#2023-demo")
        browser.log_in_staff("ys001")
        browser.get("/patients/1")
        browser.get("/audit")
        browser.get("/logout")
    newest = rows(after, "SELECT username, source, event, success FROM audit ORDER BY id DESC LIMIT 5")
    assert newest[::-1] == [
        ("xt001", "127.0.0.1", "登录", 0),
        ("ys001", "127.0.0.1", "登录", 1),
        ("ys001", "127.0.0.1", "查看患者", 1),
        ("ys001", "127.0.0.1", "越权访问", 0),
        ("ys001", "127.0.0.1", "退出", 1),
    ]


def test_audit_trail_cannot_be_rewritten_after(after: Hospital) -> None:
    for statement in ("DELETE FROM audit", "UPDATE audit SET username = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            change(after, statement)


def test_protective_headers_are_sent_only_after(before: Hospital, after: Hospital) -> None:
    with before.browser() as browser:
        headers = browser.get("/login").headers
        assert "content-security-policy" not in headers
        assert "cache-control" not in headers
        assert headers["server"] == "uvicorn"
    with after.browser() as browser:
        headers = browser.get("/login").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_plain_http_is_answered_only_before(before: Hospital, after: Hospital) -> None:
    answer = httpx.get(f"http://127.0.0.1:{before.running.port}/login", trust_env=False)
    assert answer.status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{after.running.port}/login", trust_env=False)


def test_old_tls_is_spoken_only_before(before: Hospital, after: Hospital) -> None:
    spoken = []
    for hospital in (before, after):
        old = ssl.create_default_context(cafile=str(hospital.places.certificates / "ca.pem"))
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
        with socket.create_connection(("127.0.0.1", hospital.running.port), timeout=10) as sock:
            try:
                with old.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped:
                    spoken.append(wrapped.version())
            except ssl.SSLError:
                spoken.append(None)
    assert spoken == ["TLSv1", None]


def test_certificate_is_trusted_through_the_ca_of_the_folder_only(after: Hospital) -> None:
    strangers = ssl.create_default_context()
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{after.running.url}/login", verify=strangers, trust_env=False)
    with after.browser() as browser:
        assert browser.get("/healthz").text == "ok"
