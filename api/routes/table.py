"""The table of all routes: what every server mounts and the schema describes."""

from __future__ import annotations

from ..route import Route
from . import docs, jobs, models, monitoring, multi_edit, openai_edits, single_edit

ROUTES: tuple[Route, ...] = (
    multi_edit.ROUTE,
    single_edit.ROUTE,
    openai_edits.ROUTE,
    openai_edits.GENERATIONS,
    models.ROUTE,
    *jobs.ROUTES,
    *monitoring.ROUTES,
    *docs.ROUTES,
)
