"""What the product keeps: its records. What taskkit keeps stands in tables of its own, which no model touches."""

from __future__ import annotations

from django.db import models

#: The rights that taskkit asks for here, as permissions that administrators give to users and groups.
RIGHTS = {
    "system_administrator": "Manage tasks of record types, see everything",
    "task_execute": "Run tasks on records",
    "task_manage": "Change the tasks of a record",
}


class Record(models.Model):
    name: models.CharField[str, str] = models.CharField(max_length=100, unique=True)
    type: models.CharField[str, str] = models.CharField(max_length=50, default="unix")
    host: models.CharField[str, str] = models.CharField(max_length=200)
    user: models.CharField[str, str] = models.CharField(max_length=100, blank=True)
    reference: models.ForeignKey[Record | None, Record | None] = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, help_text="The record whose account this one uses."
    )
    reference_id: int | None

    class Meta:
        permissions = tuple(RIGHTS.items())

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """No table: it gives the list of jobs its place in the admin, and the permission to look at it."""

    class Meta:
        managed = False
        default_permissions = ("view",)
