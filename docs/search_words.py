"""Words whose page the search of the site lists first, and the index has in bold."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

WORDS = {
    "how-to/aiohttp": ["aiohttp"],
    "how-to/aws-lambda": ["AWS Lambda", "Mangum"],
    "how-to/cancelling": ["hang-up of a client"],
    "how-to/celery": ["Celery"],
    "how-to/django": ["Django"],
    "how-to/fastapi": ["FastAPI"],
    "how-to/litestar": ["Litestar"],
    "how-to/procrastinate": ["procrastinate"],
    "how-to/quart": ["Quart", "hypercorn"],
    "how-to/starlette": ["Starlette"],
    "how-to/streaq": ["streaQ"],
    "how-to/taskiq": ["taskiq"],
    "how-to/testing-services": ["TestClient"],
    "how-to/worker": ["asyncio.Queue"],
    "how-to/bulk": ["bulk", "batch"],
    "how-to/callback-signatures": ["signature"],
    "explanation/cancellation": ["CancelledError"],
    "reference/command-line": ["terminal", "shell", "jq"],
    "reference/errors": ["exceptions"],
    "how-to/errors": ["pickle", "except"],
    "how-to/extending-the-record": ["cattrs", "converter"],
    "how-to/events": ["hooks", "callbacks of requests"],
    "how-to/exporting": ["export", "CSV"],
    "reference/files": ["NDJSON", "gzip"],
    "reference/settings": ["PLIVO_AUTH_ID", "NO_PROXY"],
    "how-to/resuming": ["checkpoint", "failed calls"],
    "how-to/summarizing": ["invoice"],
    "how-to/dlt": ["dlt", "BigQuery", "Snowflake"],
    "how-to/job-queues": ["job queue", "arq", "SAQ", "Dramatiq"],
    "how-to/listing": ["pagination"],
    "how-to/logging": ["structlog", "PLIVO_ASYNC_LOG"],
    "how-to/metrics": ["Prometheus", "metrics"],
    "how-to/httpx": ["SOCKS", "httpx2"],
    "how-to/middleware": ["middleware"],
    "how-to/migrating": ["migration", "RestClient"],
    "how-to/network": ["certificate", "proxy", "TLS"],
    "explanation/pool": ["httpcore", "aiohttp transport"],
    "explanation/comparison": ["SDK", "Node", "Ruby", "PHP", "Java", "Zapier", "n8n"],
    "explanation/outages": ["outage", "patience"],
    "explanation/completeness": ["late records"],
    "explanation/rate-limit": ["HTTP 429", "throttling"],
    "how-to/recipes": ["DuckDB", "pandas", "polars", "PostgreSQL"],
    "explanation/retries": ["backoff", "jitter", "retry budget"],
    "how-to/retries": ["deadline", "timeout"],
    "how-to/rate-limit": ["RateLimit", "RateLimiter"],
    "how-to/several-processes": ["Redis", "Kubernetes", "Docker"],
    "how-to/sync": ["cron", "SQLite"],
    "how-to/sync-recipes": ["Grafana", "Datasette"],
    "how-to/fake-in-containers": ["Docker Compose", "GitHub Actions"],
    "how-to/mocking": ["mock", "respx", "pytest-httpx", "vcrpy"],
    "how-to/testing": ["pytest"],
    "how-to/tracing": ["OpenTelemetry", "Sentry", "Jaeger"],
    "how-to/waiting": ["polling"],
    "how-to/web-api": ["pydantic", "OpenAPI"],
    "how-to/web-service": ["uvicorn", "lifespan", "Flask", "ASGI"],
    "how-to/webhooks": ["webhook"],
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
