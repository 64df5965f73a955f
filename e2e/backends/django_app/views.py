"""An ordinary Django application: forms under Django's own CSRF protection, a file upload,
a session login, and an echo of what really arrived."""

import hashlib

from django.contrib.auth import authenticate, login
from django.http import HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt

from .models import Note

URLENCODED = "application/x-www-form-urlencoded"


def received(request, area):
    meta = request.META
    return JsonResponse(
        {
            "framework": "django",
            "area": area,
            "method": request.method,
            "raw_path": meta.get("RAW_URI", "").partition("?")[0],
            "path": request.path_info,
            "query": meta.get("QUERY_STRING", ""),
            "headers": [[k, v] for k, v in request.headers.items()],
            "environ": {k: v for k, v in meta.items() if isinstance(v, str) and k.isupper()},
            "length": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
            "client": meta.get("REMOTE_ADDR", ""),
            "scheme": request.scheme,
            "host": meta.get("HTTP_HOST", ""),
        }
    )


def health(request):
    return JsonResponse({"ok": True})


def notes(request):
    if request.method == "POST":
        Note.objects.create(title=request.POST["title"], body=request.POST.get("body", ""))
        return redirect("/notes/")
    fields = [("title", "text"), ("body", "text")]
    context = {"title": "Notes", "enctype": URLENCODED, "fields": fields, "notes": Note.objects.all()}
    return render(request, "form.html", context)


def upload(request):
    if request.method == "POST":
        file, digest = request.FILES["file"], hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        return JsonResponse(
            {"name": file.name, "length": file.size, "sha256": digest.hexdigest(), "fields": sorted(request.POST)}
        )
    context = {"title": "Upload", "enctype": "multipart/form-data", "fields": [("file", "file")], "notes": []}
    return render(request, "form.html", context)


def sign_in(request):
    if request.method == "POST":
        user = authenticate(request, username=request.POST.get("username"), password=request.POST.get("password"))
        if user is None:
            return HttpResponseForbidden("wrong")
        login(request, user)
        return redirect("/me/")
    fields = [("username", "text"), ("password", "password")]
    return render(request, "form.html", {"title": "Sign in", "enctype": URLENCODED, "fields": fields, "notes": []})


def me(request):
    return JsonResponse({"user": request.user.get_username()})


def error(request):
    raise RuntimeError("secret-of-the-backend in a traceback")


@csrf_exempt
def private(request, rest=None):
    return received(request, "private")


@csrf_exempt
def echo(request, rest=""):
    return received(request, "echo")


@csrf_exempt
def anything(request, rest=""):
    if request.method == "HEAD":
        return HttpResponse()
    return received(request, "other")
