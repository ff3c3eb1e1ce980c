"""The bare loop's work in Quix Streams, exactly once. It runs in an environment of its own: it wants an older client library.

`python -m tests.bench.quix JSON` runs it until SIGTERM.
"""

import sys
from pathlib import Path

from quixstreams import Application

from tests.bench.bare import Work, settings_of


def main() -> None:
    settings = settings_of(sys.argv[1])
    work = Work(Path(settings.snapshot))
    application = Application(
        broker_address=settings.bootstrap,
        consumer_group=settings.prefix + "quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_every=settings.batch,
        commit_interval=1.0,
        consumer_extra_config=settings.consumer,
        producer_extra_config=settings.producers[0],
        auto_create_topics=False,
        loglevel="WARNING",
    )
    orders, released, stopped = (
        application.topic(settings.prefix + name, value_deserializer="bytes", value_serializer="bytes", key_serializer="bytes")
        for name in ("shipment-orders", "shipments-released", "shipments-stopped")
    )
    answered = application.dataframe(orders).apply(work)
    answered.apply(lambda pair: pair[0]).to_topic(released)
    answered.apply(lambda pair: pair[1]).to_topic(stopped)
    application.run()


if __name__ == "__main__":
    main()
