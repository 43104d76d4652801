"""``GET /api/catalog/v1/graph``: what lies around an entity, or the shortest ways between two, in one call."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.graph.domain import DIRECTIONS, MAX_DEPTH, MAX_NODES, MAX_VISITED, Question
from callboard.features.catalog.graph.reader import GraphReader, ReadGraph
from callboard.features.catalog.pages.links import display_title, spec_of
from callboard.features.catalog.rest.answers import Answer, json_answer
from callboard.features.catalog.rest.calls import Call
from callboard.features.catalog.rest.parameters import Parameter, read_parameters
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

GRAPH_PARAMETERS = (
    Parameter("root", required=True, description="Entity ref: the centre."),
    Parameter("depth", "integer", minimum=1, description=f"Steps from the root, 1 to {MAX_DEPTH}; 2 if not given."),
    Parameter(
        "relation",
        many=True,
        description="Only these relation types, either name of a pair, or `all`. If not given, ownership and membership are"
        " left out, and around groups and users they are all there is.",
    ),
    Parameter(
        "direction",
        enum=DIRECTIONS,
        description="`out`: what the root relies on; `in`: what relies on it; `both` if not given.",
    ),
    Parameter("collapse", enum=("system",), description="Draw the parts of a system as the system."),
    Parameter("to", description="Entity ref: the shortest ways from the root to it, instead of what lies around."),
    Parameter(
        "limit", "integer", minimum=1, description=f"Most entities, up to {MAX_NODES}, which it is if not given."
    ),
)


class GraphRoutes:
    """The handler of the graph."""

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader

    async def graph(self, call: Call) -> Answer:
        """Entities nearest first, edges, and in words what is not there."""
        values = read_parameters(call.raw_query, GRAPH_PARAMETERS)
        if values.get("depth", 1) > MAX_DEPTH:
            raise InputError(f"request/query/depth must be <= {MAX_DEPTH}", field="depth")
        root, to = _parse_ref(values["root"], "root"), _parse_ref(values["to"], "to") if "to" in values else None
        types = self._reader.types
        asked = values.get("relation", ())
        relations = frozenset(types.name_of(name) for name in asked) if asked else types.default_for(root)
        question = Question(
            root=root,
            depth=values.get("depth", 2),
            relations=frozenset(types.names()) if "all" in asked else relations,
            direction=values.get("direction", "both"),
            by_system="collapse" in values,
            to=to,
            limit=min(values.get("limit", MAX_NODES), MAX_NODES),
        )
        return json_answer(graph_json(await self._reader.read(question, actor=call.actor)))


def graph_json(read: ReadGraph) -> dict[str, Any]:
    """A graph as the route shows it."""
    graph, question = read.graph, read.question
    nodes = []
    for ref, place in graph.places.items():
        entity = read.entities.get(ref)
        node: dict[str, Any] = {"ref": ref, "distance": place.distance, "layer": place.layer}
        if entity is not None:
            node |= {"kind": entity["kind"], "title": display_title(entity)}
            sort = spec_of(entity).get("type")
            node |= {"type": sort} if isinstance(sort, str) else {}
        if question.by_system:
            node["folded"] = place.folded
        nodes.append(node)
    out: dict[str, Any] = {
        "root": question.root,
        "nodes": nodes,
        "edges": [{"source": e.source, "type": e.type, "target": e.target, "count": e.count} for e in graph.edges],
        "relations": sorted(question.relations),
        "omitted": graph.omitted,
        "omittedEdges": graph.omitted_edges,
    }
    if question.to is not None:
        out["to"] = question.to
        out["path"] = None if graph.way is None else _refs_on(question.root, read)
    if (note := _note(read)) is not None:
        out["note"] = note
    return out


def _refs_on(root: str, read: ReadGraph) -> list[str]:
    refs = [root]
    for edge in read.graph.way or ():
        refs.append(edge.target if edge.source == refs[-1] else edge.source)
    return refs


def _note(read: ReadGraph) -> str | None:
    graph = read.graph
    if read.question.to is not None and graph.way is None:
        if graph.is_exhausted:
            return "No way leads there by these relations in this direction."
        return f"The search ended after {MAX_VISITED} entities: there may be a way beyond."
    if graph.omitted:
        return (
            f"The nearest {len(graph.places)} are here; at least {graph.omitted} more lie within the depth."
            " Ask for fewer relations, one direction, or collapse=system."
        )
    if graph.omitted_edges:
        return f"{graph.omitted_edges} edges between these entities are left out, the farthest first."
    return None


def _parse_ref(text: str, field: str) -> str:
    try:
        return str(EntityRef.parse(text))
    except RefError as error:
        raise InputError(str(error), field=field) from None
