"""go.mod, go.work, Cargo.toml, pom.xml, build.gradle(.kts) and *.csproj."""

from __future__ import annotations

import re
from typing import Final, Sequence

from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.safely import (
    mapping,
    parse_toml,
    parse_xml,
    public_url,
    strip_comments,
    text,
    texts,
)
from callboard.features.proposals.domain.words import say

_GO: Final[Sequence[tuple[str, str, int, str]]] = (
    ("github.com/gin-gonic/gin", "service", 2, "gin"), ("github.com/labstack/echo*", "service", 2, "echo"),
    ("github.com/gofiber/fiber*", "service", 2, "fiber"), ("github.com/go-chi/chi*", "service", 2, "chi"),
    ("github.com/gorilla/mux", "service", 2, ""), ("google.golang.org/grpc", "service", 2, "grpc"),
    ("connectrpc.com/connect", "service", 2, "grpc"), ("sigs.k8s.io/controller-runtime", "service", 2, "kubernetes"),
    ("github.com/spf13/cobra", "tool", 2, ""), ("github.com/urfave/cli*", "tool", 2, ""),
)  # fmt: skip
_RUST: Final[Sequence[tuple[str, str, int, str]]] = (
    ("actix-web", "service", 3, "actix"), ("axum", "service", 3, "axum"), ("rocket", "service", 3, "rocket"), ("warp", "service", 3, ""),
    ("tonic", "service", 2, "grpc"), ("poem", "service", 3, ""), ("clap", "tool", 1, ""), ("leptos", "website", 2, ""),
    ("yew", "website", 2, ""),
)  # fmt: skip
_JVM: Final[Sequence[tuple[str, str, int, str]]] = (
    ("spring-boot-starter-web*", "service", 3, "spring-boot"), ("spring-boot*", "service", 2, "spring-boot"), ("quarkus*", "service", 3, "quarkus"),
    ("micronaut*", "service", 3, "micronaut"), ("ktor-server*", "service", 3, "ktor"), ("dropwizard-core", "service", 3, "dropwizard"),
    ("javalin", "service", 3, "javalin"), ("vertx-web", "service", 3, "vertx"), ("grpc-netty*", "service", 2, "grpc"),
    ("play_*", "service", 3, "play"), ("picocli", "tool", 2, ""),
)  # fmt: skip
_REQUIRE = re.compile(r"^\s*(?:require\s+)?([\w.~-]+\.[\w.~/-]+)\s+v\d", re.MULTILINE)
_REPLACE = re.compile(r"=>\s*(\.{1,2}/\S*)")
_GRADLE_PLUGIN = re.compile(r"""(?:id\s*\(?\s*|apply\s+plugin:\s*|alias\(libs\.plugins\.)["']?([\w.-]+)""")
_GRADLE_DEPENDENCY = re.compile(r"""["']([\w.-]+):([\w.-]+)(?::[^"']*)?["']""")
_GRADLE_PROJECT = re.compile(r"""project\s*\(?\s*(?:path\s*[:=]\s*)?["'](:[\w:.-]+)["']""")


def parse_go_mod(path: str, content: str) -> Manifest | None:
    module = re.search(r"^module\s+\"?([^\s\"]+)", content, re.MULTILINE)
    if module is None or not text(module[1]):
        return None
    found = Manifest(path, "go", content, name=text(module[1], 300))
    for required in _REQUIRE.finditer(content):
        line = content[required.start() : content.find("\n", required.end())]
        if "// indirect" not in line:
            found.depend(required[1], required[1] + " v", required[1])
    for replaced in _REPLACE.finditer(content):
        found.local_paths.append((replaced[1], content.count("\n", 0, replaced.start()) + 1))
    found.hint_by_dependency(_GO)
    return found


def short_module(name: str) -> str:
    """The last part of a Go module's path that says something: without ``/v2``."""
    parts = [part for part in name.split("/") if not re.fullmatch(r"v\d+", part)]
    return parts[-1] if parts else name


def members_of_go_work(content: str) -> tuple[str, ...]:
    return tuple(
        re.sub(r"^\./", "", one)
        for one in re.findall(r"^\s*(?:use\s+)?(\.{1,2}(?:/[\w./-]*)?)\s*$", content, re.MULTILINE)
    )


def parse_cargo(path: str, content: str) -> Manifest | None:
    value = parse_toml(content)
    if value is None:
        return None
    package, workspace = mapping(value.get("package")), mapping(value.get("workspace"))
    if not package and not workspace:
        return None
    found = Manifest(path, "cargo", content, name=text(package.get("name"), 100))
    found.description = text(package.get("description"))
    found.version = text(package.get("version"), 60)
    found.license = text(package.get("license"), 60)
    found.homepage = public_url(package.get("homepage"))
    found.keywords = tuple(texts(package.get("keywords")))
    found.members, found.excluded = tuple(texts(workspace.get("members"))), tuple(texts(workspace.get("exclude")))
    for section in ("dependencies", "build-dependencies"):
        for name, wanted in mapping(value.get(section)).items():
            real = text(mapping(wanted).get("package")) or name
            found.depend(real, f"{name} =", f"{name}.", f".{name}]", name)
            if isinstance(mapping(wanted).get("path"), str):
                found.local_paths.append((wanted["path"], found.dependencies[real]))
    found.hint_by_dependency(_RUST)
    if value.get("bin"):
        found.hint("tool", 2, say("proposals.why.builds_program"), "[[bin]]")
    if "lib" in value:
        found.hint("library", 2, say("proposals.why.builds_library"), "[lib]")
    found.is_aggregate = not package
    return found


def parse_pom(path: str, content: str) -> Manifest | None:
    root = parse_xml(content)
    if root is None or root.tag != "project":
        return None

    def said(tag: str) -> str:
        return text(root.findtext(tag) or "", 300)

    artifact = said("artifactId")
    if not artifact:
        return None
    found = Manifest(path, "maven", content, name=artifact, description=" ".join(said("description").split()))
    found.version, found.homepage = said("version"), public_url(said("url"))
    found.license = text(root.findtext("licenses/license/name") or "", 60)
    found.members = tuple(filter(None, (text(one.text or "") for one in root.findall("modules/module"))))
    for dependency in root.findall("dependencies/dependency"):
        if (dependency.findtext("scope") or "").strip() == "test":
            continue
        name = text(dependency.findtext("artifactId") or "", 200)
        if name:
            found.depend(name, f"<artifactId>{name}</artifactId>")
    parent = text(root.findtext("parent/artifactId") or "", 200)
    if parent.startswith("spring-boot"):
        found.tags.append("spring-boot")
    for plugin in root.findall("build/plugins/plugin"):
        name = text(plugin.findtext("artifactId") or "", 200)
        if name in ("spring-boot-maven-plugin", "quarkus-maven-plugin", "micronaut-maven-plugin"):
            found.hint("service", 3, say("proposals.why.built_with", name=name), f"<artifactId>{name}")
    packaging = said("packaging") or "jar"
    if packaging == "war":
        found.hint("service", 3, say("proposals.why.packaged_as_war"), "<packaging>")
    elif packaging == "jar":
        found.hint("library", 1, say("proposals.why.packaged_as_jar"), "<packaging>", "<artifactId>")
    found.hint_by_dependency(_JVM)
    found.is_aggregate = packaging == "pom"
    return found


def parse_gradle(path: str, content: str) -> Manifest | None:
    """Groovy and Kotlin scripts as text: plugins and dependencies that are written out."""
    script = strip_comments(content)
    plugins = {plugin: None for plugin in _GRADLE_PLUGIN.findall(script)}
    found = Manifest(path, "gradle", content)
    described = re.search(r"""^\s*description\s*=?\s*["']([^"'\n]+)["']""", script, re.MULTILINE)
    found.description = text(described[1]) if described else ""
    for group, artifact in _GRADLE_DEPENDENCY.findall(script)[:2_000]:
        found.depend(artifact, f"{group}:{artifact}")
    for name in _GRADLE_PROJECT.findall(script)[:500]:
        found.local_paths.append((name, found.line(f'"{name}"', f"'{name}'")))
    for plugin in plugins:
        if re.search(r"org\.springframework\.boot|spring\.?boot|io\.quarkus|micronaut.*application|ktor", plugin):
            found.hint("service", 3, say("proposals.why.uses_plugin", plugin=plugin), plugin)
            found.tags.append(
                "spring-boot" if "spring" in plugin else plugin.split(".")[1] if "." in plugin else plugin
            )
        elif plugin in ("com.android.application", "android.application"):
            found.hint("mobile-app", 3, say("proposals.why.builds_android_application"), plugin)
        elif plugin in ("java-library", "com.android.library", "maven-publish"):
            found.hint(
                "library", 3 if plugin == "java-library" else 2, say("proposals.why.uses_plugin", plugin=plugin), plugin
            )
        elif plugin == "application":
            found.hint("service", 1, say("proposals.why.uses_plugin_application"), plugin)
    if "kotlin" in script:
        found.tags.append("kotlin")
    found.hint_by_dependency(_JVM)
    found.is_aggregate = not found.dependencies and not found.local_paths and not found.hints
    return found


def members_of_settings_gradle(content: str) -> tuple[tuple[str, ...], str]:
    """Folders of the included projects, and the name of the root."""
    members = []
    for call in re.finditer(r"include\s*\(?((?:\s*[\"'][^\"'\n]+[\"']\s*,?)+)", content):
        members += [name.strip(":").replace(":", "/") for name in re.findall(r"[\"']([^\"'\n]+)[\"']", call[1])]
    name = re.search(r"rootProject\.name\s*=\s*[\"']([^\"'\n]+)", content)
    return tuple(members[:1_000]), text(name[1]) if name else ""


def parse_csproj(path: str, content: str) -> Manifest | None:
    root = parse_xml(content)
    if root is None or root.tag != "Project":
        return None
    stem = path.rpartition("/")[2].rpartition(".")[0]

    def said(tag: str) -> str:
        return text(next((one.text or "" for one in root.iter(tag)), ""), 300)

    if said("IsTestProject").lower() == "true" or re.search(r"(?:^|\.)(?:Unit|Integration|Functional)?Tests?$", stem):
        return None
    found = Manifest(path, "dotnet", content, name=said("PackageId") or said("AssemblyName") or stem)
    found.description, found.version, found.license = (
        said("Description"),
        said("Version"),
        said("PackageLicenseExpression"),
    )
    found.homepage = public_url(said("PackageProjectUrl"))
    for reference in root.iter("PackageReference"):
        name = text(reference.get("Include") or "", 200)
        if name.startswith(("Microsoft.NET.Test", "xunit", "NUnit", "MSTest")):
            return None
        if name:
            found.depend(name, f'"{name}"')
    for project in root.iter("ProjectReference"):
        target = text(project.get("Include") or "", 300).replace("\\", "/")
        if target:
            found.local_paths.append((target.rpartition("/")[0] or ".", found.line("ProjectReference")))
    _hint_dotnet(found, root.get("Sdk") or "", said("OutputType"))
    return found


def _hint_dotnet(found: Manifest, sdk: str, output: str) -> None:
    if sdk == "Microsoft.NET.Sdk.Web":
        found.hint("service", 3, say("proposals.why.sdk", sdk=sdk), "Sdk=")
        found.tags.append("aspnetcore")
    elif sdk == "Microsoft.NET.Sdk.Worker":
        found.hint("service", 3, say("proposals.why.sdk", sdk=sdk), "Sdk=")
    elif sdk == "Microsoft.NET.Sdk.BlazorWebAssembly":
        found.hint("website", 3, say("proposals.why.sdk", sdk=sdk), "Sdk=")
    elif output.lower() in ("exe", "winexe"):
        found.hint("tool", 2, say("proposals.why.builds", output=output), "OutputType")
    else:
        found.hint("library", 2, say("proposals.why.builds_library"), "Sdk=")
