"""JupyterHub with NativeAuthenticator: a form with a hidden token, cookies that are signed, a lockout."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..postgres import free_port
from ..services import process
from .site import PASSWORDS, PYTHON, Site, answers, fronted, proxied

# The hub alone, without notebooks: nothing but login, token, account and administration pages is asked for,
# so no program needs to route users to notebook servers.
CONFIG = """
import nativeauthenticator
from jupyterhub.proxy import Proxy


class Nobody(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {{}}


c.JupyterHub.proxy_class = Nobody
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.template_paths = [nativeauthenticator.__path__[0] + "/templates/"]
c.JupyterHub.authenticator_class = nativeauthenticator.NativeAuthenticator
c.ConfigurableHTTPProxy.auth_token = "unused"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"boss"}}
c.NativeAuthenticator.minimum_password_length = 8
c.NativeAuthenticator.check_common_password = True
c.NativeAuthenticator.allowed_failed_logins = 3
c.NativeAuthenticator.seconds_before_next_try = 600
c.NativeAuthenticator.open_signup = False
"""
SEED = """
import json, sys
import bcrypt
from jupyterhub import orm
from nativeauthenticator.orm import UserInfo
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

with Session(create_engine("sqlite:///" + sys.argv[1])) as session:
    UserInfo.__table__.create(session.get_bind(), checkfirst=True)
    for name, password in json.load(sys.stdin).items():
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))
        session.add(UserInfo(username=name, password=hashed, is_authorized=True))
    session.commit()
"""


@contextlib.contextmanager
def jupyterhub(folder: Path) -> Iterator[Site]:
    """Run the hub with its test accounts."""
    port = free_port()
    config = folder / "jupyterhub_config.py"
    config.write_text(CONFIG.format(port=port, folder=folder), encoding="ascii")
    command = [str(PYTHON), "-m", "jupyterhub", "-f", str(config), "--log-level=WARN"]
    with (
        process(command, answers(f"http://127.0.0.1:{port}/hub/health"), folder, within_s=240),
        fronted("jupyterhub", folder, proxied(port)) as site,
    ):
        subprocess.run(
            [str(PYTHON), "-c", SEED, str(folder / "hub.sqlite")],
            input=json.dumps(PASSWORDS).encode(), check=True, timeout=240,
        )  # fmt: skip
        yield site
