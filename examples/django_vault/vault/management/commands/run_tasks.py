"""The process that works: `python manage.py run_tasks`, as many of them as you like."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from vault.tasks import engine


class Command(BaseCommand):
    help = "Carries out tasks until it is told to stop; what runs then comes to its end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and end, as for cron")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        if once:
            self.stdout.write(f"{engine().drain()} done")
            return
        stop = threading.Event()
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("working")
        engine().run(stop)
        engine().close()
        self.stdout.write("stopped")
