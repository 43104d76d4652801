"""Factories of entity documents. A test states only what it is about: ``component("payments-api", owner="group:default/pay")``.

Whatever is not a field of ``spec`` goes under its own name: ``metadata={…}`` is merged into the metadata.
"""

from __future__ import annotations

from typing import Any, Mapping

EntityDocument = dict[str, Any]
API_VERSION = "backstage.io/v1alpha1"


def entity(
    kind: str,
    name: str,
    spec: Mapping[str, Any] | None = None,
    *,
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
    api_version: str = API_VERSION,
) -> EntityDocument:
    """An entity of any kind. Keys of ``spec`` whose value is None are left out."""
    document: EntityDocument = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
    }
    if spec is not None:
        document["spec"] = {key: value for key, value in spec.items() if value is not None}
    return document


def component(
    name: str,
    *,
    owner: str = "group:default/team",
    type: str = "service",
    lifecycle: str = "production",
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> EntityDocument:
    """``spec`` takes Backstage's names: ``system``, ``dependsOn``, ``providesApis``, ``consumesApis``, ``subcomponentOf``."""
    fields = {"type": type, "lifecycle": lifecycle, "owner": owner, **spec}
    return entity("Component", name, fields, namespace=namespace, metadata=metadata)


def api(
    name: str,
    *,
    owner: str = "group:default/team",
    type: str = "openapi",
    lifecycle: str = "production",
    definition: str = "openapi: 3.1.0\ninfo: {title: Example, version: '1'}\npaths: {}\n",
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> EntityDocument:
    """An API; the definition is a small OpenAPI document unless given."""
    fields = {"type": type, "lifecycle": lifecycle, "owner": owner, "definition": definition, **spec}
    return entity("API", name, fields, namespace=namespace, metadata=metadata)


def resource(
    name: str, *, owner: str = "group:default/team", type: str = "database", namespace: str = "default",
    metadata: Mapping[str, Any] | None = None, **spec: Any,
) -> EntityDocument:  # fmt: skip
    """A resource, a database unless ``type`` says otherwise."""
    return entity("Resource", name, {"type": type, "owner": owner, **spec}, namespace=namespace, metadata=metadata)


def system(
    name: str,
    *,
    owner: str = "group:default/team",
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> EntityDocument:
    """A system; ``domain`` may be given."""
    return entity("System", name, {"owner": owner, **spec}, namespace=namespace, metadata=metadata)


def domain(
    name: str,
    *,
    owner: str = "group:default/team",
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> EntityDocument:
    """A domain; ``subdomainOf`` may be given."""
    return entity("Domain", name, {"owner": owner, **spec}, namespace=namespace, metadata=metadata)


def group(
    name: str, *, type: str = "team", children: tuple[str, ...] = (), parent: str | None = None, members: tuple[str, ...] | None = None,
    namespace: str = "default", metadata: Mapping[str, Any] | None = None, **spec: Any,
) -> EntityDocument:  # fmt: skip
    """A group of people."""
    fields = {
        "type": type, "children": list(children), "parent": parent, "members": None if members is None else list(members), **spec,
    }  # fmt: skip
    return entity("Group", name, fields, namespace=namespace, metadata=metadata)


def user_entity(
    name: str, *, member_of: tuple[str, ...] = (), display_name: str | None = None, email: str | None = None,
    namespace: str = "default", metadata: Mapping[str, Any] | None = None, **spec: Any,
) -> EntityDocument:  # fmt: skip
    """A User entity (``user`` makes the actor of that name)."""
    profile = {key: value for key, value in (("displayName", display_name), ("email", email)) if value is not None}
    fields = {"memberOf": list(member_of), "profile": profile or None, **spec}
    return entity("User", name, fields, namespace=namespace, metadata=metadata)


def location(
    name: str,
    *targets: str,
    type: str | None = None,
    namespace: str = "default",
    metadata: Mapping[str, Any] | None = None,
) -> EntityDocument:
    """A Location that names further files."""
    return entity("Location", name, {"type": type, "targets": list(targets)}, namespace=namespace, metadata=metadata)


def template(
    name: str, *, type: str = "service", owner: str = "group:default/team", namespace: str = "default",
    metadata: Mapping[str, Any] | None = None, **spec: Any,
) -> EntityDocument:  # fmt: skip
    """A template without steps unless given."""
    fields = {"type": type, "owner": owner, "parameters": [], "steps": [], **spec}
    return entity(
        "Template", name, fields, namespace=namespace, metadata=metadata, api_version="scaffolder.backstage.io/v1beta3"
    )
