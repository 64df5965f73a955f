"""A Django application with the faults that the gate is to find. Never run it for anything
but the tests: it switches escaping off, and calls JSON what it is not.
"""

import json

from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402

application = get_wsgi_application()


def render(source, request):
    return HttpResponse(engines["django"].from_string(source).render({"q": request.GET.get("q", "")}))


urlpatterns = [
    path("health", lambda request: JsonResponse({"ok": True})),
    path("search", lambda request: render("<!doctype html><p>{{ q|safe }}</p>", request)),
    path("escaped", lambda request: render('<!doctype html><p title="{{ q }}">{{ q }}</p>', request)),
    path("api/comment", lambda request: JsonResponse({"body": "<script>alert(1)</script>\u2028"}, json_dumps_params={"ensure_ascii": False})),
    path("json-as-html", lambda request: HttpResponse(json.dumps({"body": "<script>alert(1)</script>"}))),
]
