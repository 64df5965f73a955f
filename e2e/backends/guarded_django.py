"""Django with the Python package: see e2e/python_test.go."""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"], SECRET_KEY="for tests", ROOT_URLCONF=__name__, INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    MIDDLEWARE=["sanmon.django.SanmonMiddleware"],
    SANMON={"ISSUER": os.environ["SANMON_ISSUER"], "UPSTREAM": os.environ["SANMON_UPSTREAM"], "PERMISSIONS": {"notes.change_note": "notes:write"}},
)
django.setup()

from sanmon.django import public, require_scopes  # noqa: E402


@public
def health(request):
    return HttpResponse("ok")


@require_scopes("notes:read")
def who(request):
    c = request.sanmon
    return JsonResponse({"subject": request.user.pk, "email": request.user.email or None, "kind": c.kind, "roles": sorted(c.roles), "scopes": sorted(c.scopes)})


def write(request):
    if not request.user.has_perm("notes.change_note"):
        return HttpResponse(status=403)
    return JsonResponse({"subject": request.user.pk})


@public
def front(request):
    return JsonResponse({"known": request.user.is_authenticated, "nonce": request.csp_nonce})


urlpatterns = [path("health", health), path("who", who), path("write", write), path("front", front)]
application = get_wsgi_application()
