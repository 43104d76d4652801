"""Entity refs and location refs: the two ways that everything in the catalog is named.

Source: Backstage catalog-model 1.10.1, ``parseEntityRef``, ``stringifyEntityRef``, ``parseLocationRef``.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

MAX_REF_LENGTH = 500
"""Characters of a ref that can be stored. Valid ones have fewer than 200; what is longer names nothing that could exist."""

MAX_ADDRESS_LENGTH = 2_000
"""Characters of a path or URL that can be stored; PostgreSQL indexes no more than some 2,700 bytes."""

DEFAULT_NAMESPACE = "default"


class RefError(ValueError):
    """A text or mapping that cannot be read as a ref; the message says which and why."""


class EntityRef(NamedTuple):
    """Kind, namespace and name of an entity, in the letters they were written in.

    Two refs name the same entity when their ``str`` is equal: that form is lower-cased.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}".lower()

    @classmethod
    def parse(
        cls,
        ref: str | Mapping[str, Any],
        *,
        default_kind: str | None = None,
        default_namespace: str | None = DEFAULT_NAMESPACE,
    ) -> EntityRef:
        """Read ``[<kind>:][<namespace>/]<name>``, or a mapping with those keys.

        Raises:
            RefError: an empty part, or no kind where ``default_kind`` is None.
        """
        if isinstance(ref, Mapping):
            kind = ref.get("kind") or default_kind
            namespace = ref.get("namespace") or default_namespace or DEFAULT_NAMESPACE
            name = ref.get("name")
            if not kind:
                raise RefError("Entity reference did not contain a kind")
            if not name:
                raise RefError("Entity reference did not contain a name")
            return cls(str(kind), str(namespace), str(name))
        if not isinstance(ref, str):
            raise RefError(f"Entity reference must be a string or an object, got {type(ref).__name__}")
        colon = ref.find(":")
        slash = ref.find("/")
        if slash != -1 and slash < colon:
            colon = -1  # the colon belongs to the name
        kind = ref[:colon] if colon != -1 else None
        namespace = ref[colon + 1 : slash] if slash != -1 else None
        name = ref[max(colon, slash) + 1 :]
        if kind == "" or namespace == "" or name == "":
            raise RefError(f'Entity reference "{ref}" was not on the form [<kind>:][<namespace>/]<name>')
        kind = kind or default_kind
        if not kind:
            raise RefError(
                f'Entity reference "{ref}" had missing or empty kind (e.g. did not start with "component:" or similar)'
            )
        return cls(kind, namespace or default_namespace or DEFAULT_NAMESPACE, name)

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> EntityRef:
        """The ref of an entity document that has passed the envelope check."""
        metadata = entity["metadata"]
        return cls(entity["kind"], metadata.get("namespace") or DEFAULT_NAMESPACE, metadata["name"])


class LocationRef(NamedTuple):
    """Where a descriptor lives: ``url:https://…`` or ``file:/…``."""

    type: str
    target: str

    def __str__(self) -> str:
        return f"{self.type}:{self.target}"

    @classmethod
    def parse(cls, ref: str) -> LocationRef:
        """Read ``<type>:<target>``, split at the first colon, both parts trimmed.

        Raises:
            RefError: an empty part, a bare http(s) URL, or a ``javascript:`` target.
        """
        kind, colon, target = ref.partition(":")
        kind, target = kind.strip(), target.strip()
        if not colon or not kind or not target:
            raise RefError(
                f"Unable to parse location ref '{ref}', expected '<type>:<target>', e.g. 'url:https://host/path'"
            )
        if kind in ("http", "https"):
            raise RefError(f"Invalid location ref '{ref}', please prefix it with 'url:', e.g. 'url:{ref}'")
        if target.lower().startswith("javascript:"):
            raise RefError(f"Invalid location ref '{ref}', target must not be a javascript: URL")
        return cls(kind, target)
