"""Makes the tables and two users. Run once before the server starts."""

import os

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from django.contrib.auth.models import User  # noqa: E402  (needs django.setup)

if not User.objects.filter(username="dora").exists():
    User.objects.create_user("dora", "dora@example.com", "django-password-1")
if not User.objects.filter(username="root").exists():
    User.objects.create_superuser("root", "root@example.com", "django-password-2")
