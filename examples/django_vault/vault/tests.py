"""What happens in a transaction is taken in once it has landed, so each test here makes real ones."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO
from unittest.mock import patch
from urllib.parse import quote

from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import TransactionTestCase

from taskkit import CheckedIn, NotAllowed, State, of_type
from vault.admin import JobAdmin
from vault.models import Record
from vault.tasks import check_in, engine, leave


class Refusal(Exception):
    pass


class VaultTests(TransactionTestCase):
    def setUp(self) -> None:
        engine()
        self.addCleanup(leave)
        self.row = Record.objects.create(name="Database", host="10.0.0.5", user="app")
        engine().drain()
        [self.first] = engine().history(record=str(self.row.pk)).entries

    def new(self) -> list[str]:
        """The reasons of the jobs that came after the first, once all that is due is done."""
        engine().drain()
        return [", ".join(job.reasons) for job in engine().history(record=str(self.row.pk)).entries if job.id != self.first.id]

    # transactions

    def test_a_row_that_is_made_runs_its_task(self) -> None:
        self.assertEqual(self.first.state, State.COMPLETED)
        self.assertEqual(self.first.result["captured"], {"said": "Hello app"})
        self.assertEqual(self.first.reasons, ("after creating or saving (record_created)",))

    def test_what_is_committed_has_happened(self) -> None:
        with transaction.atomic():
            check_in(self.row, "a-17")
            self.assertEqual(self.new(), [])
        self.assertEqual(self.new(), ["after check-in (checked_in)"])

    def test_what_is_rolled_back_has_not_happened(self) -> None:
        with suppress(Refusal), transaction.atomic():
            self.row.host = "10.0.0.6"
            self.row.save()
            check_in(self.row, "a-17")
            raise Refusal
        self.assertEqual(self.new(), [])

    def test_what_is_rolled_back_to_a_savepoint_has_not_happened(self) -> None:
        with transaction.atomic():
            self.row.save()
            with suppress(Refusal), transaction.atomic():
                check_in(self.row, "a-17")
                raise Refusal
        self.assertEqual(self.new(), ["after creating or saving (record_saved)"])

    def test_the_raw_connection_of_django_does_as_well(self) -> None:
        for id in "committed", "rolled back":
            with suppress(Refusal), transaction.atomic():
                engine().emit(CheckedIn(str(self.row.pk), approval=id), connection=connection.connection)
                if id == "rolled back":
                    raise Refusal
        self.assertEqual(self.new(), ["after check-in (checked_in)"])

    # people

    def test_rights_are_permissions_of_django(self) -> None:
        bob = User.objects.create_user("bob")
        [task] = engine().tasks(of_type("unix"))
        with self.assertRaises(NotAllowed):
            engine().demand(task.id, str(self.row.pk), by="bob")
        bob.user_permissions.add(Permission.objects.get(codename="task_execute"))
        engine().demand(task.id, str(self.row.pk), by="bob")
        self.assertEqual(self.new(), ["on demand of bob"])

    def test_the_admin_lists_jobs(self) -> None:
        self.client.force_login(User.objects.create_superuser("ada"))
        self.assertContains(self.client.get("/admin/"), "/admin/vault/job/")
        listed = self.client.get("/admin/vault/job/")
        told = "<td>Database</td><td>greet</td><td>completed</td><td>after creating or saving (record_created)</td>"
        self.assertContains(listed, told)
        self.assertEqual(self.client.get("/admin/vault/job/add/").status_code, 403)
        self.assertEqual(self.client.get("/admin/vault/job/?page=nothing").status_code, 400)

    def test_older_jobs_are_a_page_further(self) -> None:
        check_in(self.row, "a-17")
        self.assertEqual(self.new(), ["after check-in (checked_in)"])
        self.client.force_login(User.objects.create_superuser("ada"))
        with patch.object(JobAdmin, "list_per_page", 1):
            newest = self.client.get("/admin/vault/job/")
            older = self.client.get("/admin/vault/job/", {"page": newest.context["next"]})
        self.assertContains(newest, "<td>after check-in (checked_in)</td>")
        self.assertContains(newest, f"?page={quote(newest.context['next'])}")
        self.assertNotContains(older, "<td>after check-in (checked_in)</td>")
        self.assertContains(older, "<td>after creating or saving (record_created)</td>")

    def test_who_may_look_at_the_list_sees_the_jobs_that_taskkit_shows(self) -> None:
        carol = User.objects.create_user("carol", is_staff=True)
        self.client.force_login(carol)
        self.assertEqual(self.client.get("/admin/vault/job/").status_code, 403)
        carol.user_permissions.add(Permission.objects.get(codename="view_job"))
        self.assertContains(self.client.get("/admin/vault/job/"), "There are none that you may see.")
        carol.user_permissions.add(Permission.objects.get(codename="task_execute"))
        self.assertContains(self.client.get("/admin/vault/job/"), "<td>Database</td>")

    def test_a_record_that_is_changed_in_the_admin_runs_its_task(self) -> None:
        self.client.force_login(User.objects.create_superuser("ada"))
        changed = {"name": "Database", "type": "unix", "host": "10.0.0.7", "user": "app", "reference": ""}
        self.assertEqual(self.client.post(f"/admin/vault/record/{self.row.pk}/change/", changed).status_code, 302)
        self.assertEqual(self.new(), ["after creating or saving (record_saved)"])

    # the process that works

    def test_once_it_does_what_is_due(self) -> None:
        check_in(self.row, "a-17")
        said = StringIO()
        call_command("run_tasks", "--once", stdout=said)
        self.assertEqual(said.getvalue(), "1 done\n")
