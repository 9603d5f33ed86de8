"""What every route works with, and what one call of a route carries."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

from ..pipelines.catalog.lookup import Catalog
from ..pipelines.common.settings import Limits, ServerLimits
from ..pipelines.sources.source import SourceLoader
from .access.auth import Caller, Guard
from .access.rate_limit import RateLimits
from .backends.base import Backend
from .body.reader import Bodies
from .jobs import Jobs
from .metrics import Metrics

if TYPE_CHECKING:
    from .routes.table import Route


@dataclass(frozen=True)
class Service:
    """One API: its limits, its models, who may use it and what carries the edits out.

    Attributes:
        log_prompts: the operator has asked for prompts in the log.
    """

    limits: Limits
    server_limits: ServerLimits
    catalog: Catalog
    loader: SourceLoader
    backend: Backend
    guard: Guard
    rates: RateLimits
    bodies: Bodies
    jobs: Jobs
    metrics: Metrics
    log_prompts: bool = False


def make_service(
    limits: Limits,
    catalog: Catalog,
    loader: SourceLoader,
    backend: Backend,
    server_limits: ServerLimits,
    environment: Mapping[str, str] = os.environ,
) -> Service:
    """A service with what the environment says of keys and the log.

    Raises:
        InvalidRequest: a variable cannot be understood.
    """
    jobs = Jobs(backend, server_limits)
    return Service(
        limits=limits,
        server_limits=server_limits,
        catalog=catalog,
        loader=loader,
        backend=backend,
        guard=Guard.from_environment(environment),
        rates=RateLimits(server_limits),
        bodies=Bodies(server_limits),
        jobs=jobs,
        metrics=Metrics(lambda: jobs.in_flight),
        log_prompts=environment.get("MULTIEDIT_LOG_PROMPTS") == "on",
    )


@dataclass
class Call:
    """One request to a route.

    Attributes:
        id: given back as `x-request-id` and written into the log.
        headers: go onto the answer, whatever it is.
        facts: what the log line says beside the usual.
    """

    service: Service
    route: Route
    request: web.Request
    id: str
    caller: Caller
    headers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]
