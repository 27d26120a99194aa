"""Words whose page the search of the site lists first, and the index has in bold."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

WORDS = {
    "guides/bulk": ["bulk", "batch", "outage"],
    "guides/cancellation": ["CancelledError"],
    "guides/command-line": ["terminal", "shell", "jq"],
    "guides/errors": ["exceptions"],
    "guides/events": ["hooks", "callbacks of requests"],
    "guides/exporting": ["export", "CSV", "NDJSON"],
    "guides/job-queue-recipes": ["AWS Lambda", "taskiq", "procrastinate"],
    "guides/job-queues": ["Celery", "streaQ", "arq", "SAQ"],
    "guides/listing": ["pagination"],
    "guides/metrics": ["Prometheus", "structlog", "metrics"],
    "guides/network": ["certificate", "proxy", "TLS"],
    "guides/rate-limit": ["HTTP 429", "throttling"],
    "guides/recipes": ["DuckDB", "pandas", "polars"],
    "guides/record": ["pydantic"],
    "guides/retries": ["deadline", "timeout", "backoff"],
    "guides/several-processes": ["Redis", "Kubernetes", "Docker"],
    "guides/sync": ["cron", "SQLite"],
    "guides/sync-recipes": ["PostgreSQL"],
    "guides/testing": ["pytest", "mock", "respx", "pytest-httpx"],
    "guides/tracing": ["OpenTelemetry", "Sentry", "Jaeger"],
    "guides/waiting": ["polling"],
    "guides/web-frameworks": ["Django", "FastAPI", "Flask", "Litestar", "Quart", "Starlette", "aiohttp"],
    "guides/web-service": ["uvicorn", "lifespan"],
    "guides/webhooks": ["webhook", "signature"],
}


class AddSearchWords(SphinxTransform):
    """Add a page's words to the index, as if its first heading had them."""

    # Before the domain of the index reads the page, at 850.
    default_priority = 800

    def apply(self, **_options: Any) -> None:
        words = WORDS.get(self.env.docname, [])
        heading = next(iter(self.document.findall(nodes.section)), None)
        if not words or heading is None:
            return
        # Without an anchor, the search lists the page once: the entry and the text are the same result.
        entries = [("single", word, "", "main", None) for word in words]
        # After the title, which Sphinx expects first.
        heading.insert(1, addnodes.index(entries=entries))
