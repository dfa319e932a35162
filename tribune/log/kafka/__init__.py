"""The event log on Apache Kafka, over kafka-python. Nothing outside of this package sees that library's types."""
