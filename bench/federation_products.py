"""Apollo's products schema, run by our engine: what its subgraph tests ask of one.

The tests come with the schema and the answers they expect (npm
`@apollo/federation-subgraph-compatibility-tests`); none of it is ours but the engine.
"""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.federation.schema_directives import Shareable
from strawberry.schema_directive import Location

from zhitong.schema.federation import Graph
from zhitong.schema.graph import Admitted

ID = strawberry.ID


@strawberry.federation.schema_directive(
    locations=[Location.OBJECT],
    name="custom",
    compose=True,
    import_url="https://myspecs.dev/myCustomDirective/v1.0",
)
class Custom:
    """A directive of somebody's own."""


@strawberry.type
class ProductVariation:
    """What a product varies in."""

    id: ID


@strawberry.type
class CaseStudy:
    """A study of cases."""

    caseNumber: ID
    description: str | None = None


@strawberry.federation.type(directives=[Shareable()])
class ProductDimension:
    """How large a product is."""

    size: str | None
    weight: float | None
    unit: str | None = strawberry.federation.field(inaccessible=True)


@strawberry.federation.type(keys=["study { caseNumber }"])
class ProductResearch:
    """Research on a product."""

    study: CaseStudy
    outcome: str | None = None

    @classmethod
    def resolve_reference(cls, study: dict[str, str]) -> ProductResearch | None:
        """Find it by its study's number."""
        return next(
            (one for one in RESEARCH if one.study.caseNumber == study["caseNumber"]),
            None,
        )


@strawberry.federation.type(keys=["email"], extend=True)
class User:
    """Who made a product; another graph has more of it."""

    email: ID = strawberry.federation.field(external=True)
    totalProductsCreated: int | None = strawberry.federation.field(external=True)
    yearsOfEmployment: int = strawberry.federation.field(external=True)

    @strawberry.federation.field(override="users")
    def name(self) -> str | None:
        """Give the name, in the users' graph's stead."""
        return "Jane Smith"

    @strawberry.federation.field(requires=["totalProductsCreated", "yearsOfEmployment"])
    def averageProductsCreatedPerYear(self) -> int | None:
        """Divide one number of the users' graph by the other."""
        if self.totalProductsCreated is None:
            return None
        return round(self.totalProductsCreated / self.yearsOfEmployment)

    @classmethod
    def resolve_reference(cls, email: str, **more: Any) -> User | None:  # noqa: ANN401 - what the router has
        """Find the user, with what the router brings of the other graph."""
        if email != USER.email:
            return None
        return User(
            email=ID(email),
            totalProductsCreated=more.get("totalProductsCreated", 1337),
            yearsOfEmployment=more.get("yearsOfEmployment", 0),
        )


@strawberry.federation.type(keys=["sku package"])
class DeprecatedProduct:
    """A product of former days."""

    sku: str
    package: str
    reason: str | None = None
    createdBy: User | None = None

    @classmethod
    def resolve_reference(cls, sku: str, package: str) -> DeprecatedProduct | None:
        """Find it by both."""
        return (
            DEPRECATED
            if (sku, package) == (DEPRECATED.sku, DEPRECATED.package)
            else None
        )


@strawberry.federation.type(
    keys=["id", "sku package", "sku variation { id }"], directives=[Custom()]
)
class Product:
    """A product."""

    id: ID
    sku: str | None = None
    package: str | None = None
    variation: ProductVariation | None = None
    dimensions: ProductDimension | None = None
    createdBy: User | None = strawberry.federation.field(
        provides=["totalProductsCreated"]
    )
    notes: str | None = strawberry.federation.field(tags=["internal"], default=None)
    research: list[ProductResearch] = strawberry.field(default_factory=list)

    @classmethod
    def resolve_reference(cls, **key: Any) -> Product | None:  # noqa: ANN401 - any of three keys
        """Find it by any of its keys."""
        return next((one for one in PRODUCTS if one.named(key)), None)

    def named(self, key: dict[str, Any]) -> bool:
        """Say whether *key* names this one."""
        variation = key.get("variation", {}).get("id")
        return (
            key.get("id", self.id) == self.id
            and key.get("sku", self.sku) == self.sku
            and key.get("package", self.package) == self.package
            and variation in {None, self.variation and self.variation.id}
        )


@strawberry.federation.interface_object(keys=["id"])
class Inventory:
    """An inventory, which is an interface in another graph."""

    id: ID

    @strawberry.field
    def deprecatedProducts(self) -> list[DeprecatedProduct]:
        """Give what is deprecated."""
        return [DEPRECATED]

    @classmethod
    def resolve_reference(cls, id: ID) -> Inventory:  # noqa: A002 - Apollo's name
        """Find it."""
        return Inventory(id=id)


USER = User(
    email=ID("support@apollographql.com"),
    totalProductsCreated=1337,
    yearsOfEmployment=10,
)
DEPRECATED = DeprecatedProduct(
    sku="apollo-federation-v1",
    package="@apollo/federation-v1",
    reason="Migrate to Federation V2",
    createdBy=USER,
)
RESEARCH = [
    ProductResearch(
        study=CaseStudy(caseNumber=ID("1234"), description="Federation Study")
    ),
    ProductResearch(study=CaseStudy(caseNumber=ID("1235"), description="Studio Study")),
]
SMALL = ProductDimension(size="small", weight=1, unit="kg")
PRODUCTS = [
    Product(
        id=ID("apollo-federation"),
        sku="federation",
        package="@apollo/federation",
        variation=ProductVariation(id=ID("OSS")),
        dimensions=SMALL,
        createdBy=USER,
        research=[RESEARCH[0]],
    ),
    Product(
        id=ID("apollo-studio"),
        sku="studio",
        package="",
        variation=ProductVariation(id=ID("platform")),
        dimensions=SMALL,
        createdBy=USER,
        research=[RESEARCH[1]],
    ),
]


@strawberry.federation.type(extend=True)
class Query:
    """What may be asked."""

    @strawberry.field
    def product(self, id: ID) -> Product | None:  # noqa: A002 - Apollo's name
        """Find a product."""
        return next((one for one in PRODUCTS if one.id == id), None)

    @strawberry.field(deprecation_reason="Use product query instead")
    def deprecatedProduct(self, sku: str, package: str) -> DeprecatedProduct | None:
        """Find one of former days."""
        return DeprecatedProduct.resolve_reference(sku, package)


class Products(Graph):
    """Apollo's graph, whose types resolve their references by themselves."""

    entities_resolver = strawberry.federation.Schema.entities_resolver  # type: ignore[assignment]


def products() -> Graph:
    """Build it, for the version of the federation that the tests know."""
    return Products(
        query=Query, types=[Inventory], extensions=[Admitted], federation_version="2.3"
    )
