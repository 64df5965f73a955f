"""Django: a middleware, ``request.user``, decorators, and the CSP nonce for templates.

    MIDDLEWARE = [..., "sanmon.django.SanmonMiddleware"]
    SANMON = {"ISSUER": "https://app.example.com", "UPSTREAM": "app"}

Closed by default: a view without a caller is answered 401 unless it is decorated with
:func:`public`. See the README of this package for all settings.
"""

from __future__ import annotations

import functools
from asyncio import iscoroutinefunction
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from .errors import ConfigurationError, PermissionMissing, Refused
from .identity import ANONYMOUS, Caller, Identity
from .settings import from_mapping
from .verifier import Verifier, csp_nonce, tell

_ASSERTION = "HTTP_SANMON_ASSERTION"
_NONCE = "HTTP_SANMON_CSP_NONCE"
_PUBLIC = "_sanmon_public"

View = TypeVar("View", bound=Callable[..., Any])


class SanmonUser:
    """``request.user`` of a caller, without a row in the database.

    ``pk`` and ``username`` are the subject. Permissions are scopes: ``has_perm`` looks the
    permission up in ``SANMON["PERMISSIONS"]`` and asks for the scope that stands there; a
    permission that stands nowhere, nobody has.
    """

    is_active = True
    is_authenticated = True
    is_anonymous = False

    def __init__(self, identity: Identity, permissions: Mapping[str, str], staff: Iterable[str], superusers: Iterable[str]) -> None:
        self.identity = identity
        self.pk = self.id = self.username = identity.subject
        self.email = identity.email or ""
        self._permissions = permissions
        self.is_superuser = not identity.roles.isdisjoint(superusers)
        self.is_staff = self.is_superuser or not identity.roles.isdisjoint(staff)

    def __str__(self) -> str:
        return self.identity.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SanmonUser) and (self.identity.issuer, self.pk) == (other.identity.issuer, other.pk)

    def __hash__(self) -> int:
        return hash((self.identity.issuer, self.pk))

    def get_username(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.identity.name

    def get_short_name(self) -> str:
        return self.identity.name

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_superuser or self._permissions.get(perm) in self.identity.scopes

    def has_perms(self, perms: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(p, obj) for p in perms)

    def has_module_perms(self, app: str) -> bool:
        return self.is_superuser or any(p.startswith(app + ".") and s in self.identity.scopes for p, s in self._permissions.items())


class _Options:
    """What ``settings.SANMON`` says."""

    own = ("USERS", "PERMISSIONS", "STAFF_ROLES", "SUPERUSER_ROLES")

    def __init__(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise ImproperlyConfigured('SANMON is missing [set SANMON = {"ISSUER": "https://app.example.com", "UPSTREAM": "app"}]')
        self.users = value.get("USERS", "statement")
        if self.users not in ("statement", "model"):
            raise ImproperlyConfigured(f'SANMON["USERS"] {self.users!r} is unknown [write "statement", or "model" for rows of AUTH_USER_MODEL]')
        self.permissions = _texts_by_text(value.get("PERMISSIONS", {}))
        self.staff = _texts(value.get("STAFF_ROLES", ()), "STAFF_ROLES")
        self.superusers = _texts(value.get("SUPERUSER_ROLES", ()), "SUPERUSER_ROLES")
        rest = {}
        for name, v in value.items():
            if name != name.upper():
                raise ImproperlyConfigured(f'SANMON["{name}"] is no setting [write {name.upper()}]')
            if name not in self.own:
                rest[name.lower()] = v
        try:
            self.verifier: Verifier = from_mapping(rest, "SANMON: ")
        except ConfigurationError as e:
            raise ImproperlyConfigured(str(e)) from e


def _texts(v: Any, name: str) -> frozenset[str]:
    if isinstance(v, str) or not isinstance(v, Iterable) or not all(isinstance(x, str) for x in v):
        raise ImproperlyConfigured(f'SANMON["{name}"] is no list of texts [write ["admin"]]')
    return frozenset(v)


def _texts_by_text(v: Any) -> dict[str, str]:
    if not isinstance(v, Mapping) or not all(isinstance(x, str) for kv in v.items() for x in kv):
        raise ImproperlyConfigured('SANMON["PERMISSIONS"] is no mapping [write {"notes.view_note": "notes:read"}]')
    return dict(v)


def _values(request: HttpRequest, name: str) -> Sequence[str]:
    # WSGI and ASGI join repeated fields with commas, which no assertion contains.
    value = request.META.get(name)
    return () if value is None else (value,)


@sync_and_async_middleware  # type: ignore[untyped-decorator,unused-ignore]
def SanmonMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Verifies the assertion of each request and sets

    - ``request.sanmon``: a :class:`sanmon.Identity`, or :data:`sanmon.ANONYMOUS`,
    - ``request.user``: a :class:`SanmonUser`, a row of the user model, or ``AnonymousUser``,
    - ``request.csp_nonce``: the nonce of the gate's policy, or "".

    Place it after ``AuthenticationMiddleware`` where there is one. An assertion that does not
    hold is refused for every view; none is refused unless the view is :func:`public`.
    """
    options = _Options(getattr(settings, "SANMON", None))

    def gate(request: HttpRequest, caller: Caller) -> None:
        request.sanmon = caller
        request.csp_nonce = csp_nonce(_values(request, _NONCE))

    if iscoroutinefunction(get_response):

        async def ahandle(request: HttpRequest) -> HttpResponse:
            try:
                gate(request, await options.verifier.acaller(_values(request, _ASSERTION)))
                user = await _auser(options, request.sanmon)
            except Refused as e:
                return _refuse(request, e)
            _set_user(request, user)
            return await get_response(request)

        handle: Any = ahandle
    else:

        def shandle(request: HttpRequest) -> HttpResponse:
            try:
                gate(request, options.verifier.caller(_values(request, _ASSERTION)))
                user = _user(options, request.sanmon)
            except Refused as e:
                return _refuse(request, e)
            _set_user(request, user)
            return get_response(request)

        handle = shandle

    def judge(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse | None:
        if request.sanmon.is_authenticated or getattr(view, _PUBLIC, False):
            return None
        try:
            request.sanmon.require_scopes()
        except Refused as e:
            return _refuse(request, e)
        return None

    def process_view(request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        return judge(request, view)

    async def aprocess_view(request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        return judge(request, view)

    handle.process_view = aprocess_view if iscoroutinefunction(handle) else process_view
    return handle  # type: ignore[no-any-return]


def _set_user(request: HttpRequest, user: Any) -> None:
    async def auser() -> Any:
        return user

    request.user = request._cached_user = request._acached_user = user
    request.auser = auser


def _user(options: _Options, caller: Caller) -> Any:
    if not isinstance(caller, Identity):
        return AnonymousUser()
    if options.users == "statement":
        return SanmonUser(caller, options.permissions, options.staff, options.superusers)
    return _row(options, caller)


async def _auser(options: _Options, caller: Caller) -> Any:
    if isinstance(caller, Identity) and options.users == "model":
        from asgiref.sync import sync_to_async

        return await sync_to_async(_row)(options, caller)
    return _user(options, caller)


def _row(options: _Options, identity: Identity) -> Any:
    """The row of the user model whose user name is the subject; it is made for who comes the
    first time. Address and staff flags follow what the gate says; a row that is not active
    is refused."""
    from django.contrib.auth import get_user_model

    model = get_user_model()
    superuser = not identity.roles.isdisjoint(options.superusers)
    says: dict[str, Any] = {"email": identity.email or "", "is_superuser": superuser, "is_staff": superuser or not identity.roles.isdisjoint(options.staff)}
    says = {name: v for name, v in says.items() if hasattr(model, name) and name != model.USERNAME_FIELD}
    user, made = model._default_manager.get_or_create(**{model.USERNAME_FIELD: identity.subject}, defaults=says)
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    elif changed := [name for name, v in says.items() if getattr(user, name) != v]:
        for name in changed:
            setattr(user, name, says[name])
        user.save(update_fields=changed)
    if not user.is_active:
        raise PermissionMissing(f"the row of {identity.subject} is not active")
    user.backend = "django.contrib.auth.backends.ModelBackend"
    user.identity = identity
    return user


def _refuse(request: HttpRequest, refused: Refused) -> HttpResponse:
    tell(refused)
    return JsonResponse(refused.problem(), status=refused.status, content_type="application/problem+json", headers={"Cache-Control": "no-store"})


def public(view: View) -> View:
    """Marks a view as open to callers who are nobody: the counterpart of ``boundary: public``
    at the gate. ``request.sanmon`` is :data:`sanmon.ANONYMOUS` then."""
    setattr(view, _PUBLIC, True)
    return view


def require_scopes(*scopes: str) -> Callable[[View], View]:
    """The view is for callers who have all of these scopes; others are answered 403, nobody
    is answered 401."""
    if not scopes:
        raise ConfigurationError("require_scopes() names no scope [write require_scopes(\"notes:read\")]")
    return _require(lambda caller: caller.require_scopes(*scopes))


def require_role(*roles: str) -> Callable[[View], View]:
    """The view is for callers who have one of these roles; others are answered 403."""
    if not roles:
        raise ConfigurationError("require_role() names no role [write require_role(\"admin\")]")
    return _require(lambda caller: caller.require_role(*roles))


def _require(check: Callable[[Caller], Identity]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        def judged(request: HttpRequest) -> HttpResponse | None:
            try:
                check(getattr(request, "sanmon", ANONYMOUS))
            except Refused as e:
                return _refuse(request, e)
            return None

        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def aview(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
                refused = judged(request)
                return refused if refused is not None else await view(request, *args, **kwargs)

            return aview  # type: ignore[return-value]

        @functools.wraps(view)
        def sview(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            refused = judged(request)
            return refused if refused is not None else view(request, *args, **kwargs)

        return sview  # type: ignore[return-value]

    return decorate


def csp(request: HttpRequest) -> dict[str, str]:
    """Context processor: ``{{ csp_nonce }}`` for your own script and style elements."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
