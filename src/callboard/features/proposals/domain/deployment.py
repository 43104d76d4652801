"""Dockerfiles, compose files, Helm charts and Procfiles: what runs, on what it relies, and which folder it is built from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Final, Mapping, Sequence

from callboard.features.proposals.domain.safely import is_template, mapping, parse_yaml, text, texts
from callboard.features.proposals.domain.values import Evidence, Tree, folder_of, line_of
from callboard.features.proposals.domain.words import say
from callboard.kernel.source_host import join_path
from callboard.ui.wording import Wording

_TECHNOLOGIES: Final[Mapping[str, tuple[str, str]]] = {
    "postgres": ("database", "PostgreSQL"), "postgresql": ("database", "PostgreSQL"), "postgis": ("database", "PostgreSQL"),
    "timescaledb": ("database", "TimescaleDB"), "pgvector": ("database", "PostgreSQL"), "mysql": ("database", "MySQL"),
    "mariadb": ("database", "MariaDB"), "mongo": ("database", "MongoDB"), "mongodb": ("database", "MongoDB"),
    "cassandra": ("database", "Cassandra"), "cockroach": ("database", "CockroachDB"), "cockroachdb": ("database", "CockroachDB"),
    "clickhouse-server": ("database", "ClickHouse"), "clickhouse": ("database", "ClickHouse"), "influxdb": ("database", "InfluxDB"),
    "neo4j": ("database", "Neo4j"), "couchdb": ("database", "CouchDB"), "dynamodb-local": ("database", "DynamoDB"),
    "mssql": ("database", "SQL Server"), "oracle-xe": ("database", "Oracle"), "scylla": ("database", "ScyllaDB"),
    "redis": ("cache", "Redis"), "valkey": ("cache", "Valkey"), "memcached": ("cache", "Memcached"), "dragonfly": ("cache", "Dragonfly"),
    "kafka": ("message-broker", "Kafka"), "cp-kafka": ("message-broker", "Kafka"), "redpanda": ("message-broker", "Redpanda"),
    "rabbitmq": ("message-broker", "RabbitMQ"), "nats": ("message-broker", "NATS"), "activemq": ("message-broker", "ActiveMQ"),
    "activemq-artemis": ("message-broker", "ActiveMQ"), "pulsar": ("message-broker", "Pulsar"), "mosquitto": ("message-broker", "Mosquitto"),
    "eclipse-mosquitto": ("message-broker", "Mosquitto"), "elasticmq": ("queue", "SQS"),
    "elasticsearch": ("search-index", "Elasticsearch"), "opensearch": ("search-index", "OpenSearch"), "solr": ("search-index", "Solr"),
    "meilisearch": ("search-index", "Meilisearch"), "typesense": ("search-index", "Typesense"),
    "minio": ("bucket", "MinIO"), "etcd": ("key-value-store", "etcd"), "consul": ("key-value-store", "Consul"), "vault": ("secret-store", "Vault"),
    "keycloak": ("identity-provider", "Keycloak"), "dex": ("identity-provider", "Dex"), "zookeeper": ("coordination", "ZooKeeper"),
}  # fmt: skip
"""Image or chart, by the last part of its name, to the type of the resource and what people call it."""
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[.-]([\w.-]+))?\.ya?ml")
_NOT_RUN = re.compile(r"test|ci|override|e2e|bench|local-test|debug|lint", re.IGNORECASE)
_HOST = re.compile(r"(?:://|@)(?:[^@/\s:]*(?::[^@/\s]*)?@)?([A-Za-z0-9][\w.-]*)(?::\d+|/|$)")
_HOST_PORT = re.compile(r"([A-Za-z][\w-]*):\d{2,5}")
MAX_SERVICES = 300


@dataclass(slots=True)
class Service:
    """A service of a compose file. ``folder`` is what it is built from, None for an image of others'.

    ``needs`` are other services with the reason why; ``technology`` is (type, what people call it) of one that stores or carries.
    """

    name: str
    path: str
    line: int | None
    folder: str | None
    image: str = ""
    technology: tuple[str, str] | None = None
    needs: dict[str, Evidence] = field(default_factory=dict)
    has_ports: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart that is an application; ``needs`` are (chart, technology, line)."""

    path: str
    name: str
    description: str
    needs: Sequence[tuple[str, tuple[str, str], int | None]]

    @property
    def folder(self) -> str:
        return folder_of(self.path)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """``serves`` where it opens a port, with the line."""

    path: str
    serves: int | None
    base: str

    @property
    def folder(self) -> str:
        return folder_of(self.path)


def technology_of(name: str) -> tuple[str, str] | None:
    """By an image (``bitnami/postgresql:16``) or the name of a chart."""
    stem = name.lower().partition("@")[0].rpartition("/")[2].partition(":")[0]
    if "mssql/server" in name.lower():
        stem = "mssql"
    return _TECHNOLOGIES.get(stem) or _TECHNOLOGIES.get(
        stem.removesuffix("-ha").removesuffix("-cluster").removesuffix("-stack")
    )


def read_compose(tree: Tree) -> list[Service]:
    """Services of all compose files that are run as they stand; the same service of one folder is told once."""
    found: dict[tuple[str, str], Service] = {}
    for path in sorted(tree.texts):
        name = _COMPOSE.fullmatch(path.rpartition("/")[2].lower())
        if name is None or (name[1] and _NOT_RUN.search(name[1])):
            continue
        for service in _services(path, tree.texts[path]):
            found.setdefault((folder_of(path), service.name), service)
    return list(found.values())


def _services(path: str, content: str) -> list[Service]:
    services = mapping(mapping(parse_yaml(content)).get("services"))
    block = content.find("services:")
    found = []
    for name, value in list(services.items())[:MAX_SERVICES]:
        spec = mapping(value)
        if not isinstance(name, str) or is_template(name):
            continue
        line = line_of(content, f"\n  {name}:", block)
        line = line + 1 if line is not None else line_of(content, f"{name}:", block)
        image = text(spec.get("image"), 300) or _default_of(spec.get("image"))
        service = Service(
            name, path, line, _built_from(path, spec.get("build")), image, has_ports=bool(spec.get("ports"))
        )
        if service.folder is None:
            service.technology = technology_of(image)
        start = content.find(f"{name}:", max(block, 0))
        for other, how, needle in _needs(spec, services):
            if other != name:
                service.needs.setdefault(
                    other, Evidence(how(name, other), path, line_of(content, needle, max(start, 0)))
                )
        found.append(service)
    return found


def _default_of(value: Any) -> str:
    """The image in ``${POSTGRES_IMAGE:-postgres:16}``."""
    written = re.search(r"\$\{\w+:?-([^}]+)\}", value) if isinstance(value, str) and len(value) < 300 else None
    return written[1] if written else ""


def _built_from(path: str, build: Any) -> str | None:
    context = (
        build if isinstance(build, str) else mapping(build).get("context", "." if isinstance(build, dict) else None)
    )
    if not isinstance(context, str) or "://" in context or is_template(context):
        return None
    return join_path(path, context)  # None where it climbs out of the repository


def _depends(name: str, other: str) -> Wording:
    return say("proposals.why.depends_on", name=name, other=other)


def _linked(name: str, other: str) -> Wording:
    return say("proposals.why.linked", name=name, other=other)


def _names_host(key: str, name: str, other: str) -> Wording:
    return say("proposals.why.names_host", name=name, key=key, other=other)


def _needs(
    spec: Mapping[str, Any], services: Mapping[str, Any]
) -> list[tuple[str, Callable[[str, str], Wording], str]]:
    """(service, how, what to look for in the text)."""
    found: list[tuple[str, Callable[[str, str], Wording], str]] = []
    depends = spec.get("depends_on")
    for other in list(depends) if isinstance(depends, dict) else texts(depends):
        if other in services:
            found.append((other, _depends, str(other)))
    for link in texts(spec.get("links")):
        if link.partition(":")[0] in services:
            found.append((link.partition(":")[0], _linked, link))
    environment = spec.get("environment")
    said = (
        environment.items()
        if isinstance(environment, dict)
        else (one.partition("=")[::2] for one in texts(environment))
    )
    for key, value in list(said)[:500]:
        if not isinstance(value, str) or len(value) > 2_000:
            continue
        for host in [*_HOST.findall(value), *_HOST_PORT.findall(value)]:
            if host in services:
                found.append((host, partial(_names_host, str(key)), str(key)))
    return found


def read_charts(tree: Tree) -> list[Chart]:
    """Charts of applications, without those that lie in another one's ``charts`` folder."""
    found = []
    for path in sorted(tree.texts):
        if path.rpartition("/")[2].lower() != "chart.yaml" or _is_inside(path, tree):
            continue
        content = tree.texts[path]
        value = mapping(parse_yaml(content))
        name = text(value.get("name"), 100)
        if not name or value.get("type") == "library":
            continue
        needs = []
        listed = value.get("dependencies")
        for one in (listed if isinstance(listed, list) else [])[:100]:
            wanted = text(mapping(one).get("name"), 100)
            technology = technology_of(wanted) if wanted else None
            if technology is not None:
                needs.append((wanted, technology, line_of(content, f"name: {wanted}")))
        found.append(Chart(path, name, text(value.get("description")), needs))
    return found


def _is_inside(path: str, tree: Tree) -> bool:
    """Whether a chart lies in ``charts/`` of another one."""
    outer, separator, _ = path.rpartition("/charts/")
    return bool(separator) and f"{outer}/Chart.yaml" in tree.texts


def read_dockerfiles(tree: Tree) -> list[Dockerfile]:
    found = []
    for path in sorted(tree.texts):
        name = path.rpartition("/")[2].lower()
        if not (
            name in ("dockerfile", "containerfile") or name.startswith("dockerfile.") or name.endswith(".dockerfile")
        ):
            continue
        if name.startswith("dockerfile.") and _NOT_RUN.search(name):
            continue
        content = tree.texts[path]
        opened = re.search(r"^\s*EXPOSE\s+\S", content, re.MULTILINE | re.IGNORECASE)
        stages = re.findall(r"^\s*FROM\s+(?:--\S+\s+)?(\S+)", content, re.MULTILINE | re.IGNORECASE)
        found.append(
            Dockerfile(path, content.count("\n", 0, opened.end()) + 1 if opened else None, stages[-1] if stages else "")
        )
    return found
