"""docs/asyncapi.yaml: the house's events for those who connect to its topics (AsyncAPI 3.0, with Kafka bindings).

Made from the event classes and the declarations of topics; `tribune events schemas` writes it, a test fails when it is
stale. Source: AsyncAPI 3.0.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from tribune.domain.events import TYPES, TypeOfEvent
from tribune.domain.topics import TOPICS, Topic, groups, reads
from tribune.services.events.event_codec import encode

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_HEAD = (
    "# Made by `tribune events schemas` from tribune/domain/events.py and topics.py; a test fails when it is stale.\n"
)


def document() -> str:
    """The document as YAML."""
    return _HEAD + yaml.dump(specification(), sort_keys=False, allow_unicode=True, width=110, Dumper=_Plain)


def specification() -> dict[str, Any]:
    """The document as data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tribune",
            "version": "1.0.0",
            "description": (
                "Publications, data releases and live sessions become digests. Every message is a CloudEvent 1.0 in "
                "structured JSON. No event carries personal data: people are opaque numbers. A topic's name on the "
                "broker begins with the installation's prefix ([log] prefix)."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{broker}",
                "protocol": "kafka",
                "description": "[log] bootstrap_servers. With [log.tls] on, kafka-secure.",
                "variables": {"broker": {"default": "127.0.0.1:9092", "description": "Host and port of a broker."}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": _operations(),
        "components": {
            "messages": {told.name: _message(told) for told in TYPES.values()},
            "messageTraits": {
                "cloudevent": {
                    "contentType": CONTENT_TYPE,
                    "headers": {
                        "type": "object",
                        "required": ["content-type"],
                        "properties": {"content-type": {"const": CONTENT_TYPE}},
                    },
                    "correlationId": {
                        "description": "The id of the first event of the story.",
                        "location": "$message.payload#/correlationid",
                    },
                }
            },
            "parameters": {
                "prefix": {"description": "[log] prefix, which begins each topic's name.", "default": "tribune."}
            },
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kept: dict[str, Any] = {"cleanup.policy": ["compact"] if topic.compacted else ["delete"]}
    kept["retention.ms"] = -1 if topic.retention_hours is None else topic.retention_hours * 3_600_000
    return {
        "address": f"{{prefix}}{topic.name}",
        "description": f"Key: {topic.key}. {topic.why}",
        "servers": [{"$ref": "#/servers/kafka"}],
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {
            told.name: {"$ref": f"#/components/messages/{told.name}"}
            for told in TYPES.values()
            if told.topic == topic.name
        },
        "bindings": {
            "kafka": {"partitions": topic.partitions, "topicConfiguration": kept, "bindingVersion": "0.5.0"},
        },
    }


def _operations() -> dict[str, Any]:
    """The relay sends all; each consumer group receives what it reads."""
    told: dict[str, Any] = {
        f"relay.{name}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": f"What the outbox holds for {name} is published, at least once, in order within a key.",
        }
        for name in TOPICS
    }
    for group in groups():
        for name in reads(group):
            told[f"{group}.{name}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": f"The consumer group {group} acts on it (consumers/{group}.py).",
                "bindings": {
                    "kafka": {"groupId": {"type": "string", "enum": [f"tribune.{group}"]}, "bindingVersion": "0.5.0"}
                },
            }
    return told


def _message(told: TypeOfEvent) -> dict[str, Any]:
    from tribune.services.events.event_schemas import examples

    return {
        "name": told.name,
        "title": told.name,
        "summary": told.meaning,
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{told.name}.json"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"{TOPICS[told.topic].key}, as in partitionkey"},
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [{"name": told.name, "payload": json.loads(encode(examples()[told.name]))}],
    }


class _Plain(yaml.SafeDumper):
    """Without anchors: each part stands where it belongs."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
