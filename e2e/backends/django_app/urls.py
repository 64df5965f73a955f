from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import path, re_path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("static/<path:path>", serve, {"insecure": True}),  # no other server does it here
    path("health", views.health),
    path("notes/", views.notes),
    path("upload/", views.upload),
    path("login/", views.sign_in),
    path("me/", views.me),
    path("error/500", views.error),
    re_path(r"^private(?:/(?P<rest>.*))?$", views.private),
    re_path(r"^echo/(?P<rest>.*)$", views.echo),
    re_path(r"^(?P<rest>.*)$", views.anything),
]
