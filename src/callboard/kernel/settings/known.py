"""Which keys are known. A Backstage file carries keys of many plugins, so those names are known too and stay silent.

A key is written dotted; ``*`` stands for any name, ``[]`` for any item of a list: ``catalog.locations[].target``.
A row of type ``object`` is open: what lies below belongs to its owner and is not checked.
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Literal

from callboard.kernel.settings.sources import format_path

if TYPE_CHECKING:
    from callboard.kernel.settings.view import Settings

SettingType = Literal["text", "secret", "number", "flag", "duration", "list", "object"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One documented key.

    ``default`` is what holds when the key is absent; ``unit`` names what a bare number counts. Values of type
    ``secret`` never appear in logs. ``help`` is one sentence for the reference.
    """

    key: str
    type: SettingType = "text"
    default: Any = None
    unit: str | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that nobody reads. ``near`` is the known key that looks most like it."""

    path: tuple[str | int, ...]
    near: str | None

    @property
    def message(self) -> str:
        hint = f"; did you mean {self.near}?" if self.near else ""
        return f"unknown key {format_path(self.path)}, ignored{hint}"


CORE_SETTINGS: tuple[Setting, ...] = (
    Setting("app.title", "text", "Callboard", None, "Name of the portal, shown in the header and in page titles."),
    Setting("app.baseUrl", "text", None, None, "Address at which people open the portal; that of the backend by default."),
    Setting("app.support", "object", None, None, "Where to ask for help: {url, items: [{title, icon, links}]}."),
    Setting("organization.name", "text", None, None, "Name of the company, shown beside the title."),
    Setting(
        "jobs.lease", "duration", None, None,
        "Another replica takes over work at most this long after one died; by default a minute or two, depending on the work.",
    ),
    Setting("backend.baseUrl", "text", "http://localhost:7007", None, "Address at which clients reach the API."),
    Setting(
        "backend.listen", "text", ":7007", None,
        "Where to listen: ':7007', 'host:port' or {host, port}. Without a settings file the host is 127.0.0.1.",
    ),
    Setting("backend.listen.host", "text", None, None, "Address to bind; all addresses when a settings file gives none."),
    Setting("backend.listen.port", "number", 7007, None, "Port to bind, 0 for any free one."),
    Setting("backend.database", "object", None, None, "{client: better-sqlite3 or pg, connection, …}; a SQLite file by default."),
    Setting("backend.auth", "object", None, None, "externalAccess, as in Backstage."),
    Setting(
        "backend.auth.dangerouslyDisableDefaultAuthPolicy", "flag", False, None,
        "Whoever comes without credentials is a guest, who may read; writing still asks the policy.",
    ),
    Setting("backend.reading.allow", "list", (), None, "Hosts that may be read by plain URL: [{host, paths}]."),
    Setting("backend.reading.allow[].host", "text", None, None, "host, host:port or *.suffix."),
    Setting("backend.reading.allow[].paths", "list", None, None, "Path prefixes; every path when absent."),
    Setting("backend.cors", "object", None, None, "{origin, methods, allowedHeaders, exposedHeaders, credentials, maxAge} for pages of other origins; off without it."),
    Setting("backend.csp", "object", None, None, "Sources that pages may load from beside their own: imgSrc, connectSrc, fontSrc, mediaSrc, frameSrc or formAction to a list. The rest stays closed."),
    Setting("backend.health.headers", "object", None, None, "Headers added to the health answers."),
    Setting("backend.lifecycle.startupRequestPauseTimeout", "duration", "5s", None, "How long requests wait for the start."),
    Setting("backend.lifecycle.serverShutdownDelay", "duration", "0s", None, "Wait before connections are closed on stop."),
    Setting("backend.logger.level", "text", "info", None, "debug, info, warning or error."),
    Setting("backend.logger.format", "text", "console", None, "console for people, json for machines."),
    Setting("backend.trustProxy", "flag", False, None, "Believe X-Forwarded-* of the proxy in front."),
    Setting("backend.actions", "object", None, None, "Which registered actions are offered: {filter: {include, exclude}}."),
    Setting("integrations", "object", None, None, "Hosts of source code with their credentials, as in Backstage."),
    Setting("auth", "object", None, None, "Sign-in providers and sessions, as in Backstage."),
    Setting("permission.enabled", "flag", True, None, "false allows everything to everybody who is signed in."),
    Setting("permission.policy", "object", None, None, "The policy: a file, or roles and rules in place."),
    Setting("plugins.disabled", "list", (), None, "Names of plugins and built-in features that stay off."),
    Setting("plugins.*.enabled", "flag", True, None, "false keeps one plugin off."),
    Setting("plugins.*", "object", None, None, "Settings of one plugin."),
    Setting("events.http.topics", "list", (), None, "Topics that POST /api/events/http/<topic> accepts."),
    Setting("events", "object", None, None, "Webhooks in and out."),
)  # fmt: skip

_OPEN = "object"
_SECTIONS_OF_BACKSTAGE: dict[str, str] = {
    "app": "title baseUrl support extensions packages analytics googleAnalyticsTrackingId datadogRum listen pluginOverrides "
    "disableStaticFallbackCache experimental head routes",
    "organization": "name",
    "backend": "baseUrl listen https auth database cache cors csp referrer reading discovery lifecycle server trustProxy "
    "logger auditor rateLimit health metrics tracing actions workingDirectory packages appConfig keys plugins "
    "startup tasks redact upgradeInsecureRequests",
    "backend.reading": "allow",
    "backend.lifecycle": "startupRequestPauseTimeout serverShutdownDelay",
    "backend.listen": "host port",
    "backend.logger": "level overrides meta format",
    "catalog": "locations rules providers processors import readonly processingInterval orphanStrategy "
    "orphanProviderStrategy stitchingStrategy useUrlReadersSearch disableRelationsCompatibility experimental "
    "processingEngine model filters defaultEntityPresentation enableFullTextFilter",
    "permission": "enabled policy rbac permissionedPlugins",
}
"""Sections that Backstage shares with us and whose keys are all known (1.55)."""
# A paragraph of names is read and extended more easily than 150 quoted lines.
_PLUGINS_OF_BACKSTAGE = (  # noqa: SIM905
    "adr airbrake allure analytics apiDocs apacheAirflow argocd aws azure azureDevOps azureSites backchat badges bazaar "
    "bitrise blackduck buildkite catalogGraph changelog ci cicd cloudbuild cloudify codeCoverage codescene confluence "
    "costInsights coder customTheme datadog daytona devTools devtools dialogflow discourse dora dynatrace dynamicPlugins "
    "enabled entityFeedback explore feedback firehydrant fossa gcalendar gcp gcpProjects gerrit gitReleaseManager "
    "githubActions githubDeployments githubPullRequests gitops gkeUsage grafana graphql graphiql harbor harness humanitec "
    "i18n ilert jenkins jfrogArtifactory jira keycloak kiali kubernetes launchdarkly lighthouse linguist mcpActions "
    "microsoftCalendar mend newRelic newrelic nexusRepositoryManager nomad notifications npm ocm octopusdeploy openshift "
    "opencost opsgenie opslevel orchestrator pagerDuty periskop playlist pingidentity prometheus proxy puppetDb qeta quay "
    "rbac readme releaseManager rollbar rootly scorecard search seatsio secureCodeBox sentry servicenow shortcuts signals "
    "sonarqube soundcheck splunk splunkOnCall squadcast stackOverflow stackoverflow stackstorm techInsights techRadar "
    "techdocs techdocsAddons tekton threescale topology userSettings vault visits vaultSecrets xcmetrics zoomInfo home "
    "integrations auth scaffolder events"
).split()
"""Top-level names that Backstage's own and widely used community plugins read."""


class _Node:
    __slots__ = ("children", "open")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.open = False


def find_unknown_keys(settings: Settings, rows: Iterable[Setting] = ()) -> list[UnknownKey]:
    """Keys that neither ``rows`` nor Backstage's names know, in the order of the merged settings."""
    root = _tree(tuple((row.key, row.type == _OPEN) for row in (*CORE_SETTINGS, *rows)))
    found: list[UnknownKey] = []
    _walk(settings.as_dict(), root, (), found)
    return found


@functools.lru_cache(maxsize=8)
def _tree(rows: tuple[tuple[str, bool], ...]) -> _Node:
    """All known names, those of ``rows`` (key, and whether anything may stand below it) and Backstage's. Not to be changed."""
    root = _Node()
    for key, is_open in rows:
        _add(root, key, is_open)
    for section, names in _SECTIONS_OF_BACKSTAGE.items():
        for name in names.split():
            key = f"{section}.{name}"
            _add(root, key, key not in _SECTIONS_OF_BACKSTAGE and not _find(root, key).children)
    for name in _PLUGINS_OF_BACKSTAGE:
        _add(root, name, not _find(root, name).children)
    return root


def _parts(key: str) -> list[str]:
    return key.replace("[]", ".[]").split(".")


def _find(root: _Node, key: str) -> _Node:
    node = root
    for part in _parts(key):
        node = node.children.get(part) or _Node()
    return node


def _add(root: _Node, key: str, is_open: bool) -> None:
    node = root
    for part in _parts(key):
        node = node.children.setdefault(part, _Node())
    node.open = node.open or is_open


def _walk(value: Any, node: _Node, path: tuple[str | int, ...], found: list[UnknownKey]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            below = node.children.get(key) or node.children.get("*")
            if below is not None:
                _walk(child, below, (*path, key), found)
            elif not node.open and (node.children or not path):
                found.append(UnknownKey((*path, key), _nearest(key, node, path)))
    elif isinstance(value, list) and "[]" in node.children:
        for index, item in enumerate(value):
            _walk(item, node.children["[]"], (*path, index), found)


def _nearest(key: str, node: _Node, path: tuple[str | int, ...]) -> str | None:
    names = {name.lower(): name for name in node.children if name not in ("*", "[]")}
    near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    return format_path((*path, names[near[0]])) if near else None
