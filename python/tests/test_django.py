"""Real Django, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import json
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import django
import pytest
from conftest import ISSUER, NONCE, VECTORS, forged, mint
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views import View

_jwks = pathlib.Path(tempfile.mkdtemp()) / "jwks.json"
_jwks.write_text(json.dumps(VECTORS["jwks"]))
SANMON: dict[str, Any] = {
    "ISSUER": ISSUER, "UPSTREAM": "app", "JWKS": f"file:{_jwks}",
    "PERMISSIONS": {"notes.view_note": "notes:read", "notes.delete_note": "notes:delete"}, "STAFF_ROLES": ["writer"], "SUPERUSER_ROLES": ["admin"],
}

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="tests", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:sanmon?mode=memory&cache=shared"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "sanmon.django.SanmonMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": ["sanmon.django.csp"]}}],
    SANMON=SANMON,
)
django.setup()

from django.contrib.auth.decorators import login_required, permission_required  # noqa: E402

from sanmon.django import SanmonUser, public, require_role, require_scopes  # noqa: E402


def who(request: HttpRequest) -> JsonResponse:
    u = request.user
    return JsonResponse({"subject": request.sanmon.subject, "user": str(u), "pk": u.pk, "name": u.get_username(), "staff": u.is_staff, "super": u.is_superuser, "perm": u.has_perm("notes.view_note"), "other": u.has_perm("notes.delete_note"), "unknown": u.has_perm("x.y"), "module": u.has_module_perms("notes")})


async def awho(request: HttpRequest) -> JsonResponse:
    u = await request.auser()
    return JsonResponse({"subject": request.sanmon.subject, "user": str(u)})


@public
def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string("{{ request.user.is_authenticated }} <script nonce='{{ csp_nonce }}'>").render({"request": request}, request))


@require_scopes("notes:read", "notes:delete")
def delete(request: HttpRequest) -> HttpResponse:
    return HttpResponse("deleted")


@require_role("writer")
async def awrite(request: HttpRequest) -> HttpResponse:
    return HttpResponse("written")


@require_scopes("notes:read")
async def aread(request: HttpRequest) -> HttpResponse:
    return HttpResponse("read")


class Klass(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("class")


urlpatterns = [
    path("who", who), path("awho", awho), path("front", front), path("delete", delete), path("awrite", awrite), path("aread", aread),
    path("closed", Klass.as_view()), path("open", public(Klass.as_view())),
    path("login", login_required(who, login_url="/front")), path("perm", permission_required("notes.view_note", raise_exception=True)(who)),
    path("noperm", permission_required("notes.delete_note", raise_exception=True)(who)),
]


@pytest.fixture(params=["sync", "async"])
def get(request: pytest.FixtureRequest) -> Iterator[Any]:
    def sync(path: str, token: str | None = None, **fields: str) -> Any:
        return Client().get(path, headers=({"Sanmon-Assertion": token} if token is not None else {}) | fields)

    def asynchronous(path: str, token: str | None = None, **fields: str) -> Any:
        return asyncio.run(AsyncClient().get(path, headers=({"Sanmon-Assertion": token} if token is not None else {}) | fields))

    yield sync if request.param == "sync" else asynchronous


def test_user(get: Any) -> None:
    r = get("/who", mint())
    assert r.status_code == 200 and r.json() == {"subject": "usr_1", "user": "alice@example.com", "pk": "usr_1", "name": "usr_1", "staff": True, "super": False, "perm": True, "other": False, "unknown": False, "module": True}
    assert get("/awho", mint()).json() == {"subject": "usr_1", "user": "alice@example.com"}
    admin = get("/who", mint(roles=["admin"], scope="")).json()
    assert admin["super"] and admin["staff"] and admin["other"]
    plain = get("/who", mint(roles=[], scope="")).json()
    assert not (plain["staff"] or plain["super"] or plain["perm"] or plain["module"])


def test_closed_by_default(get: Any) -> None:
    for url in ("/who", "/awho", "/closed", "/delete", "/login"):
        r = get(url)
        assert r.status_code == 401 and r["Content-Type"] == "application/problem+json" and r.json()["code"] == "assertion_missing" and r["Cache-Control"] == "no-store", url
    assert get("/open").content == b"class" and get("/closed", mint()).content == b"class"
    assert get("/nowhere").status_code == 404


def test_public(get: Any) -> None:
    assert get("/front").content == b"False <script nonce=''>"
    assert get("/front", mint(), **{"Sanmon-Csp-Nonce": NONCE}).content.decode() == f"True <script nonce='{NONCE}'>"
    assert b"onload" not in get("/front", **{"Sanmon-Csp-Nonce": "' onload='alert(document.cookie)"}).content


@pytest.mark.parametrize("token", [forged(), "", mint(aud="upstream:other"), mint() + "," + mint()])
def test_what_does_not_hold(get: Any, token: str) -> None:
    for url in ("/who", "/front", "/open", "/nowhere"):  # on public views too
        r = get(url, token)
        assert r.status_code == 401 and r.json()["code"] == "assertion_invalid"


def test_permissions(get: Any) -> None:
    assert get("/delete", mint()).status_code == 403 and get("/delete", mint()).json()["code"] == "permission_missing"
    assert get("/delete", mint(scope="notes:read notes:delete")).content == b"deleted"
    assert get("/awrite", mint()).content == b"written" and get("/awrite", mint(roles=["reader"])).status_code == 403
    assert get("/aread", mint()).content == b"read" and get("/aread", mint(scope="x")).status_code == 403
    assert get("/perm", mint()).status_code == 200 and get("/noperm", mint()).status_code == 403


def test_the_session_of_django_is_not_asked(get: Any) -> None:
    """Another person's session cookie of the backend changes nothing."""
    r = get("/who", mint(), Cookie="sessionid=of-somebody-else")
    assert r.json()["pk"] == "usr_1"


def test_rows() -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    model = get_user_model()
    with override_settings(SANMON=SANMON | {"USERS": "model"}):
        for get in (lambda t: Client().get("/who", headers={"Sanmon-Assertion": t}), lambda t: asyncio.run(AsyncClient().get("/who", headers={"Sanmon-Assertion": t}))):
            first = get(mint()).json()
            assert first["name"] == "usr_1" and first["staff"] and isinstance(first["pk"], int)
            assert get(mint(email="new@example.com", roles=["admin"])).json()["super"]
            row = model.objects.get(username="usr_1")
            assert row.email == "new@example.com" and row.is_superuser and not row.has_usable_password()
            assert not get(mint(roles=[])).json()["super"] and not model.objects.get(username="usr_1").is_staff
        assert model.objects.count() == 1
        model.objects.update(is_active=False)
        r = Client().get("/who", headers={"Sanmon-Assertion": mint()})
        assert r.status_code == 403 and r.json()["code"] == "permission_missing"


def test_rows_of_a_model_whose_name_is_the_address() -> None:
    """The subject is the name, whatever the field is called: a second visit finds the row."""
    from unittest import mock

    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    model = get_user_model()
    with override_settings(SANMON=SANMON | {"USERS": "model"}), mock.patch.object(model, "USERNAME_FIELD", "email"):
        model.objects.all().delete()
        for _ in range(2):
            assert Client().get("/who", headers={"Sanmon-Assertion": mint()}).status_code == 200
        assert [u.email for u in model.objects.all()] == ["usr_1"]


@pytest.mark.parametrize("value", [None, {"ISSUER": ISSUER}, SANMON | {"USERS": "rows"}, SANMON | {"STAFF_ROLES": "admin"}, SANMON | {"PERMISSIONS": ["x"]}, SANMON | {"issuer": "x"}, SANMON | {"AUDIENCE": "x"}])
def test_settings_are_checked(value: Any) -> None:
    with override_settings(SANMON=value), pytest.raises(ImproperlyConfigured, match=r"\["):
        Client().get("/front")


def test_user_equality(verifier: Any) -> None:
    a, b = (SanmonUser(verifier.verify([mint(sub=s)]), {}, (), ()) for s in ("usr_1", "usr_2"))
    assert a != b and a == SanmonUser(verifier.verify([mint()]), {}, (), ()) and len({a, b}) == 2
