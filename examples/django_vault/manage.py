"""A vault in Django: its records are rows of the ORM, and taskkit keeps its jobs in the same database.

First `python manage.py migrate --run-syncdb` and `createsuperuser`, then `runserver`, and `run_tasks` beside it.
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)
