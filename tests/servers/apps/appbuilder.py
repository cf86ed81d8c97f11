"""Flask-AppBuilder's own security API: a JSON login that gives a bearer token (JWT)."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..postgres import free_port
from ..services import process
from .site import PASSWORDS, PYTHON, Site, answers, fronted, proxied

# The skeleton that its documentation gives, with the security API turned on.
APP = """
import logging
from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only-for-tests-and-long-enough-1234", FAB_ADD_SECURITY_API=True,
    SQLALCHEMY_DATABASE_URI="sqlite:///{folder}/app.sqlite", AUTH_TYPE=1,
    SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax", WTF_CSRF_ENABLED=True,
)
db = get_sqla_class()()
with app.app_context():
    db.init_app(app)
    appbuilder = AppBuilder(app, db.session)
"""
SEED = """
import json, sys
from hospital import app, appbuilder

with app.app_context():
    sm = appbuilder.sm
    reader = sm.add_role("Reader")
    for name in ("can_get", "can_info"):
        sm.add_permission_role(reader, sm.find_permission_view_menu(name, "User"))
    for name, password in json.load(sys.stdin).items():
        role = sm.find_role("Admin" if name == "boss" else "Reader" if name == "doctor" else "Public")
        sm.add_user(name, "测试员", "Test", name + "@his.test", role, password)
"""


@contextlib.contextmanager
def appbuilder(folder: Path) -> Iterator[Site]:
    """Run the application with its test accounts."""
    (folder / "hospital.py").write_text(APP.format(folder=folder), encoding="ascii")
    environment = ["env", f"PYTHONPATH={folder}", "FLASK_APP=hospital"]
    subprocess.run(
        [*environment, str(PYTHON), "-c", SEED],
        input=json.dumps(PASSWORDS).encode(), check=True, timeout=240, stderr=subprocess.PIPE,
    )  # fmt: skip
    port = free_port()
    command = [
        *environment, str(PYTHON), "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--threads=4",
        f"--chdir={folder}", "hospital:app",
    ]  # fmt: skip
    with (
        process(command, answers(f"http://127.0.0.1:{port}/login/"), folder, within_s=240),
        fronted("appbuilder", folder, proxied(port)) as site,
    ):
        yield site
