"""Records to edit, and jobs to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from taskkit import InvalidValue
from vault.models import Job, Record
from vault.tasks import engine


@admin.register(Record)
class RecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # it takes none at run time
    list_display = ("name", "type", "host", "user", "reference")


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Only to look at: what may be done with a job is the engine's affair, and jobs are no rows of ours."""

    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Whoever may view the list sees the jobs that taskkit shows to this person: the same rights as everywhere."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            page = engine().history(user=request.user.get_username(), page=request.GET.get("page"), limit=self.list_per_page)
        except InvalidValue as error:
            raise BadRequest(error.case) from None
        records = Record.objects.filter(pk__in={entry.record for entry in page.entries if entry.record})
        names = {str(pk): name for pk, name in records.values_list("pk", "name")}
        rows = [(names.get(entry.record), entry) for entry in page.entries]
        shown = {**self.admin_site.each_context(request), "title": "Jobs", "opts": self.opts, "rows": rows, "next": page.next}
        return TemplateResponse(request, "vault/jobs.html", shown)
