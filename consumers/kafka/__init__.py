"""Apache Kafka, as the gate needs it: a log that is read in order, and publications that are said exactly once.

This folder alone imports the client library. ``docs/exactly-once.md`` lists what the client and the broker do in every odd case,
and where each is closed here.
"""
