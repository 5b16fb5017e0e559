"""As few settings as the admin and a database need."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for trying it out, and for nothing else")
DEBUG = True
ROOT_URLCONF = "vault.urls"
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("VAULT_DATABASE", HERE / "vault.db"),
        # A transaction takes its turn to write when it begins. One that began with reading would be refused as soon as taskkit had written.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 60},
        "TEST": {"NAME": HERE / "test.db"},  # a file: taskkit opens it, too
    }
}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.sessions",
    "django.contrib.staticfiles", "vault",
]  # fmt: skip
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
]  # fmt: skip
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
