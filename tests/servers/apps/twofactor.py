"""Django's own administration behind django-two-factor-auth and django-axes: password, then a TOTP code.

django-easy-audit takes down logins and changes, in pages that only show them.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..postgres import free_port
from ..services import process
from .site import OTP_KEYS, PASSWORDS, PYTHON, Site, answers, fronted, proxied

# What the three projects' own documentation tells to write, and nothing of ours.
SETTINGS = """
from pathlib import Path

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django_otp", "django_otp.plugins.otp_static", "django_otp.plugins.otp_totp", "two_factor", "axes",
    "easyaudit",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "easyaudit.middleware.easyaudit.EasyAuditMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
DJANGO_EASY_AUDIT_READONLY_EVENTS = True
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 1
AXES_LOCKOUT_PARAMETERS = ["username"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation." + one}
    for one in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator",
                "NumericPasswordValidator")
]
ROOT_URLCONF = "hospital_urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
WSGI_APPLICATION = None
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"},
}
STATIC_URL = "static/"
LOGIN_URL = "two_factor:login"
LOGIN_REDIRECT_URL = "/admin/"
LOGOUT_REDIRECT_URL = "/account/login/"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_AGE = 600
OTP_TOTP_THROTTLE_FACTOR = 0.1
"""
URLS = """
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from two_factor.admin import AdminSiteOTPRequired
from two_factor.urls import urlpatterns as two_factor

admin.site.__class__ = AdminSiteOTPRequired
urlpatterns = [
    path("", include(two_factor)),
    path("account/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
"""
SEED = """
import json, sys
import django
django.setup()
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

call_command("migrate", verbosity=0)
people, keys = json.load(sys.stdin)
for name, password in people.items():
    user = User.objects.create_user(name, name + "@his.test", password, is_staff=name != "nurse",
                                    is_superuser=name == "boss")
    if name in keys:
        TOTPDevice.objects.create(user=user, name="default", key=keys[name], step=2, tolerance=5)
User.objects.get(username="doctor").user_permissions.set(Permission.objects.filter(codename="view_user"))
"""
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"


@contextlib.contextmanager
def twofactor(folder: Path) -> Iterator[Site]:
    """Run the administration with its test accounts; `boss`, `doctor` and `victim` have a TOTP device.

    A new code comes every 2 s instead of 30 s, so that tests that log in again do not wait long for it.
    """
    for name, text in (("settings", SETTINGS), ("urls", URLS), ("wsgi", WSGI)):
        (folder / f"hospital_{name}.py").write_text(text, encoding="ascii")
    environment = ["env", "DJANGO_SETTINGS_MODULE=hospital_settings", f"PYTHONPATH={folder}"]
    subprocess.run(
        [*environment, str(PYTHON), "-c", SEED],
        input=json.dumps([PASSWORDS, OTP_KEYS]).encode(), check=True, timeout=240,
    )  # fmt: skip
    port = free_port()
    command = [
        *environment, str(PYTHON), "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--threads=4",
        f"--chdir={folder}", "hospital_wsgi",
    ]  # fmt: skip
    with (
        process(command, answers(f"http://127.0.0.1:{port}/account/login/"), folder, within_s=240),
        fronted("twofactor", folder, proxied(port)) as site,
    ):
        yield site
