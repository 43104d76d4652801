"""Repositories made up for tests: paths to texts."""

from __future__ import annotations

from typing import Mapping

from callboard.features.proposals.domain.choosing import choose
from callboard.features.proposals.domain.proposing import propose
from callboard.features.proposals.domain.values import DEFAULT_LIMITS, Draft, Found, Limits, RepositoryFacts, Tree

SHOP: Mapping[str, str] = {
    ".github/CODEOWNERS": (
        "# who to ask\n* @acme/platform\n/services/orders/ @acme/orders @ada\n/services/web/ @acme/storefront\npayments/ pay@acme.example\n"
    ),
    ".github/workflows/deploy.yml": "name: deploy\n",
    "README.md": "# The shop\n\n[![ci](x)](y)\n\nEverything that *acme* sells from, in one [repository](x).\n\nMore.\n",
    "LICENSE": "MIT License\n",
    "package.json": '{"name": "shop", "private": true, "workspaces": ["services/*", "packages/*"]}',
    "services/orders/package.json": (
        '{\n  "name": "@acme/orders",\n  "description": "Takes orders and remembers them.",\n  "scripts": {"start": "node ."},\n'
        '  "dependencies": {\n    "express": "^4",\n    "@acme/money": "workspace:*"\n  }\n}\n'
    ),
    "services/orders/Dockerfile": "FROM node:22\nEXPOSE 8080\n",
    "services/orders/mkdocs.yml": "site_name: Orders\n",
    "services/orders/openapi.yaml": 'openapi: 3.1.0\ninfo: {title: Orders API, version: "1", description: Places orders.}\npaths: {}\n',
    "services/web/package.json": '{"name": "@acme/web", "dependencies": {"next": "15", "react-dom": "19"}}',
    "packages/money/package.json": '{"name": "@acme/money", "exports": "./index.js"}',
    "payments/go.mod": "module github.com/acme/shop/payments/v2\n\nrequire github.com/gin-gonic/gin v1.9.0\n",
    "payments/main.go": "package main\n",
    "contracts/payments.proto": "service Payments {\n  rpc Pay (A) returns (B);\n}\n",
    "compose.yaml": (
        "services:\n  orders:\n    build: ./services/orders\n    depends_on: [db, events]\n    environment:\n      PAYMENTS_URL: http://payments:8081\n"
        '  web:\n    build: ./services/web\n    ports: ["80:80"]\n    environment:\n      - ORDERS_URL=http://orders:8080\n'
        "  payments:\n    build: ./payments\n  db:\n    image: postgres:17\n  events:\n    image: bitnami/kafka:3\n"
    ),
}
"""A monorepo of four packages in two languages."""

LEDGER: Mapping[str, str] = {
    "CODEOWNERS": "* @acme/payments\n",
    "pyproject.toml": (
        '[project]\nname = "ledger"\ndescription = "Keeps the books of the shop."\nversion = "1.2.0"\ndependencies = ["fastapi>=0.115"]\n'
    ),
    "Dockerfile": "FROM python:3.13\nEXPOSE 8000\n",
}
"""A service by itself."""


def facts_of(name: str = "shop", **rest: object) -> RepositoryFacts:
    given = {"url": f"https://github.com/acme/{name}", "kind": "github", "slug": f"acme/{name}", **rest}
    return RepositoryFacts(name, **given)  # type: ignore[arg-type]


def look(files: Mapping[str, str], facts: RepositoryFacts | None = None, limits: Limits = DEFAULT_LIMITS) -> Found:
    """What is proposed for these files."""
    chosen, notes = choose([(path, len(text)) for path, text in files.items()], limits)
    tree = Tree(tuple(sorted(files)), {path: files[path] for path in chosen}, tuple(notes))
    return propose(tree, facts or facts_of(), limits)


def drafts(files: Mapping[str, str], facts: RepositoryFacts | None = None) -> dict[str, Draft]:
    """By key."""
    return {draft.key: draft for draft in look(files, facts).drafts}


def values(draft: Draft) -> dict[str, object]:
    return {path: field.value for path, field in draft.fields.items()}
