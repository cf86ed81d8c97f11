"""The hospital's web application: which page is behind which path, and what every answer carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import entrance, handing_out, messages, pages, registering
from .people import INSURANCE_TYPES, mask_id_card, mask_name, mask_phone
from .store import Store

_TEMPLATES: Final = Path(__file__).with_name("templates")
_HEADERS: Final = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Handler = Callable[[Request], Awaitable[Response]]


def create_app(store: Store, message_key: str = "") -> Starlette:
    """Return the application over a filled database; `message_key` signs settlement messages."""
    routes = [
        Route("/", pages.home),
        Route("/login", entrance.show_login),
        Route("/login", entrance.log_in, methods=["POST"]),
        Route("/logout", entrance.log_out),
        Route("/password", entrance.show_password),
        Route("/password", entrance.change_password, methods=["POST"]),
        Route("/patients", pages.patient_list),
        Route("/patients/new", registering.show_form),
        Route("/patients/new", registering.register, methods=["POST"]),
        Route("/patients/{patient_id:int}/removed", registering.take_back, methods=["POST"]),
        Route("/patients/{patient_id:int}", pages.patient_detail),
        Route("/patients/{patient_id:int}/print", pages.patient_print),
        Route("/patients/export", handing_out.patient_export),
        Route("/api/patients/{patient_id:int}", handing_out.patient_data),
        Route("/settlements", pages.settlements),
        Route("/settlements/{visit_id:int}", pages.settle, methods=["POST"]),
        Route("/admin/users", pages.user_list),
        Route("/admin/users", pages.add_user, methods=["POST"]),
        Route("/admin/users/{username}/enabled", pages.set_enabled, methods=["POST"]),
        Route("/admin/users/{username}/removed", pages.remove_user, methods=["POST"]),
        Route("/audit", pages.audit_trail),
        Route("/api/settlement-check", messages.check_settlement, methods=["POST"]),
        Route("/style.css", pages.style),
        Route("/healthz", pages.health),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=_dispatch(store))])
    app.state.store = store
    app.state.message_key = message_key
    app.state.message_numbers = messages.Numbers()
    app.state.templates = _environment()
    return app


def _dispatch(store: Store) -> Callable[[Request, Handler], Awaitable[Response]]:
    async def add_headers(request: Request, call_next: Handler) -> Response:
        response = await call_next(request)
        if store.measures.security_headers:
            response.headers.update(_HEADERS)
        if store.measures.no_store:
            response.headers["Cache-Control"] = "no-store"
        return response

    return add_headers


def _environment() -> Environment:
    found = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape())
    found.filters["yuan"] = lambda fen: f"{fen / 100:.2f}"
    found.filters["mask_name"] = mask_name
    found.filters["mask_id_card"] = mask_id_card
    found.filters["mask_phone"] = mask_phone
    found.filters["insurance"] = lambda code: INSURANCE_TYPES.get(code, code)
    return found
