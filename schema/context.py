"""What the resolvers of one question share, where graphql-core calls them."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import DocumentNode, FieldNode

from zhitong.ports import Lookers
from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.emergencies import Emergencies
from zhitong.resolvers.grants import Grants
from zhitong.resolvers.parties import Parties
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.publications import Publications
from zhitong.schema.selection import (
    ResolveInfo,
    Step,
    Walk,
    response_path,
    variables_of,
    weight_of,
)
from zhitong.types import EntityType


@dataclass(slots=True, kw_only=True, eq=False)  # not frozen: as `Asking`
class Context(Asking):
    """One question: who asks, and the tools to answer with."""

    document: DocumentNode
    """As the gate let it through: it fits the schema."""
    decisions: Decisions
    proceedings: Proceedings
    applications: Grants | None = None
    """What is done to applications for grants; None: this gateway serves none."""
    publications: Publications | None = None
    """What people do to have decisions shown; None: not at this gateway."""
    catalogue: Catalogue | None = None
    """What there is to be shared; None: this gateway does not say."""
    lookers: Lookers | None = None
    """Who looked at a row; None: this gateway does not say."""
    parties: Parties | None = None
    """What there is about a party, to ask who looked at it."""
    emergencies: Emergencies | None = None
    """Break-glass; None: this gateway serves none."""
    _places: dict[object, Place] = field(default_factory=dict)
    _beside: dict[tuple[Step, ...], tuple[FieldNode, ...]] = field(default_factory=dict)
    """How a relation was found is read with the relation, where that is asked for."""

    def place(
        self, info: ResolveInfo, entity: EntityType, *paths: tuple[str, ...]
    ) -> Place:
        """Find what is asked of *entity* here; siblings share the answer."""
        # A fragment's nodes stand in several places, each with siblings of its own.
        here = response_path(info, self.entities)
        if (here, entity.name) not in self._places:
            variables = variables_of(info)
            walk = Walk(info.fragments, variables)
            nodes = self._beside.get(here) or info.field_nodes
            wanted = walk.wanted(nodes, entity, *paths)
            for below, beside in wanted.beside.items():
                self._beside[here + below] = beside
            weighed = walk.weighed(info.field_nodes, wanted, *paths)
            self._places[here, entity.name] = weighed.place(
                lambda name: weight_of(variables.get(name))
            )
        return self._places[here, entity.name]
