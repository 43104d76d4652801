"""package.json, with the workspaces of npm, Yarn, pnpm and Lerna."""

from __future__ import annotations

from typing import Any, Final, Mapping, Sequence

from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.safely import mapping, parse_json, parse_yaml, public_url, text, texts
from callboard.features.proposals.domain.words import say

_KNOWN: Final[Sequence[tuple[str, str, int, str]]] = (
    ("next", "website", 3, "nextjs"), ("nuxt", "website", 3, "nuxt"), ("gatsby", "website", 3, "gatsby"), ("astro", "website", 3, "astro"),
    ("@remix-run/react", "website", 3, "remix"), ("@angular/core", "website", 3, "angular"), ("react-scripts", "website", 3, "react"),
    ("@docusaurus/core", "website", 3, "docusaurus"), ("@sveltejs/kit", "website", 3, "svelte"), ("vitepress", "website", 2, ""),
    ("react-dom", "website", 2, "react"), ("vue", "website", 2, "vue"), ("svelte", "website", 2, "svelte"), ("vite", "website", 1, ""),
    ("express", "service", 3, "express"), ("fastify", "service", 3, "fastify"), ("@nestjs/core", "service", 3, "nestjs"),
    ("koa", "service", 3, "koa"), ("@hapi/hapi", "service", 3, "hapi"), ("hono", "service", 3, "hono"), ("restify", "service", 3, ""),
    ("@apollo/server", "service", 3, "graphql"), ("apollo-server*", "service", 3, "graphql"), ("@grpc/grpc-js", "service", 2, "grpc"),
    ("serverless", "service", 2, "serverless"), ("aws-cdk-lib", "service", 1, "aws-cdk"),
    ("react-native", "mobile-app", 3, "react-native"), ("expo", "mobile-app", 3, "expo"), ("electron", "tool", 2, "electron"),
)  # fmt: skip
_SECTIONS: Final = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


def parse_package_json(path: str, content: str) -> Manifest | None:
    value = parse_json(content)
    if value is None:
        return None
    found = Manifest(path, "npm", content)
    found.name = text(value.get("name"), 214)
    found.description = text(value.get("description"))
    found.homepage = public_url(value.get("homepage"))
    found.version = text(value.get("version"), 60)
    found.license = text(value.get("license"), 60)
    found.keywords = tuple(texts(value.get("keywords")))
    author = value.get("author")
    found.authors = tuple(
        filter(None, [text(mapping(author).get("name") if isinstance(author, dict) else author, 200)])
    )
    found.is_private = value.get("private") is True
    workspaces = value.get("workspaces")
    members = texts(mapping(workspaces).get("packages") if isinstance(workspaces, dict) else workspaces)
    _set_members(found, members)
    _dependencies(found, value)
    found.hint_by_dependency(_KNOWN)
    _hints(found, value)
    if "typescript" in found.dependencies or "types" in value:
        found.tags.insert(0, "typescript")
    scripts = mapping(value.get("scripts"))
    entry = any(key in value for key in ("main", "exports", "module", "bin")) or "start" in scripts
    found.is_aggregate = found.is_workspace and (found.is_private or not entry)
    return found


def _set_members(found: Manifest, globs: Sequence[str]) -> None:
    found.members = tuple(glob for glob in globs if glob and not glob.startswith("!"))
    found.excluded = tuple(glob[1:] for glob in globs if glob.startswith("!"))


def _dependencies(found: Manifest, value: Mapping[str, Any]) -> None:
    for section in _SECTIONS:
        start = found.text.find(f'"{section}"')
        for name, wanted in list(mapping(value.get(section)).items())[:2_000]:
            if section == "devDependencies" and not str(wanted).startswith(("workspace:", "file:", "link:", "*")):
                if name in ("typescript", "vite"):
                    found.depend(name, f'"{name}"')
                continue  # what it is built with says little of what it is
            at = found.text.find(f'"{name}"', max(start, 0))
            found.dependencies.setdefault(name, found.text.count("\n", 0, at) + 1 if at >= 0 else None)
            if isinstance(wanted, str) and wanted.startswith(("file:", "link:", "portal:")):
                found.local_paths.append((wanted.partition(":")[2], found.dependencies[name]))


def _hints(found: Manifest, value: Mapping[str, Any]) -> None:
    scripts = mapping(value.get("scripts"))
    if "bin" in value:
        found.hint("tool", 2, say("proposals.why.installs_command"), '"bin"')
    if any(key in value for key in ("exports", "module", "types", "typings", "publishConfig", "peerDependencies")):
        key = next(
            k for k in ("exports", "module", "types", "typings", "publishConfig", "peerDependencies") if k in value
        )
        found.hint(
            "library",
            3 if not found.is_private and "start" not in scripts else 1,
            say("proposals.why.offers", key=key),
            f'"{key}"',
        )
    elif "main" in value and "start" not in scripts and not found.is_private:
        found.hint("library", 1, say("proposals.why.has_main_file_no"), '"main"')
    if "start" in scripts and isinstance(scripts["start"], str):
        words = scripts["start"]
        kind = (
            "website"
            if any(w in words for w in ("next", "vite", "react-scripts", "ng serve", "astro", "nuxt"))
            else "service"
        )
        found.hint(kind, 1, say("proposals.why.has_start_script"), '"start"')


def members_of_pnpm(content: str) -> tuple[str, ...]:
    """Globs of pnpm-workspace.yaml."""
    return tuple(texts(mapping(parse_yaml(content)).get("packages")))


def members_of_lerna(content: str) -> tuple[str, ...]:
    return tuple(texts(mapping(parse_json(content)).get("packages")))
