# structlog_logs.py
"""Writes the log of a client as JSON, one object a line: pip install plivo-async structlog."""

import asyncio
import logging

import structlog

from plivo_async import AsyncClient


def set_up_logging() -> None:
    # For the lines of any library that logs by the standard library, this package among them.
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    structlog.configure(
        processors=[*shared[:2], *shared[3:], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


async def main() -> None:
    set_up_logging()
    logger = structlog.get_logger("billing")
    async with AsyncClient() as client:
        record = await client.calls.get("5607532d-5037-4066-befc-a8b40218dd4f")
    logger.info("billed", seconds=record.billed_duration, amount=str(record.total_amount))


if __name__ == "__main__":
    asyncio.run(main())
