"""Every setting of the server in one table, read from defaults, then FHIR_* variables, then the command line.

https://12factor.net/config
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

PREFIX = "FHIR_"
_FOREIGN = ("FHIR_TEST_", "FHIR_TOKEN")  # of the test suite; of `fhir-server conformance`
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Origin = Literal["default", "environment", "command line", "derived"]


class SettingError(ValueError):
    """A setting has a value the server cannot use; the text names the variable and what is allowed."""


def _row(default: Any, sentence: str, *, low: int | None = None, high: int | None = None, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": sentence, "low": low, "high": high, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Each field is one row of the table: name, type, default, bounds, help sentence.

    A field `max_depth` is the variable FHIR_MAX_DEPTH. `origins` tells where each value came from; it is not a setting.
    Raises SettingError for a value outside its bounds or choices.
    """

    database: str = _row(
        "sqlite:///fhir.db",
        "Database, as SQLAlchemy writes it: sqlite:///file.db or postgresql+psycopg://user@host/name.",
    )
    host: str = _row("127.0.0.1", "Address to listen on.")
    port: int = _row(8080, "Port to listen on.", low=1, high=65535)
    base_url: str = _row(
        "", "Public base URL of the FHIR endpoint, used in every link; empty means http://HOST:PORT/fhir."
    )
    trusted_hosts: tuple[str, ...] = _row(
        (),
        "Host names that are answered, comma separated; empty means loopback names, HOST and the host of BASE_URL.",
    )
    cors_origins: tuple[str, ...] = _row(
        (), "Origins whose web pages may call the server, comma separated, such as https://app.example; * for all."
    )
    auth: Literal["none"] = _row("none", "How callers are known; none trusts everyone, so it serves loopback only.")
    workers: int = _row(0, "Worker processes; 0 means one for each processor core.", low=0, high=256)
    threads: int = _row(4, "Threads of each worker process.", low=1, high=256)
    shutdown_seconds: int = _row(30, "Seconds a running request may still take after SIGTERM.", low=1, high=3600)
    max_body_bytes: int = _row(
        50_000_000, "Largest request body, in bytes, also after decompression.", low=1_000, high=2_000_000_000
    )
    max_depth: int = _row(64, "Deepest nesting of objects and arrays in a document.", low=8, high=500)
    max_bundle_entries: int = _row(5_000, "Most entries in a batch or transaction.", low=1, high=1_000_000)
    max_url_bytes: int = _row(16_384, "Longest request URL, in bytes.", low=256, high=1_000_000)
    max_query_parameters: int = _row(200, "Most parameters in one query.", low=1, high=10_000)
    max_header_bytes: int = _row(32_768, "Largest sum of the request's headers, in bytes.", low=1_024, high=1_000_000)
    max_headers: int = _row(100, "Most headers in one request.", low=10, high=1_000)
    max_patch_operations: int = _row(1_000, "Most operations in one patch document.", low=1, high=100_000)
    default_page_size: int = _row(20, "Resources on a page when the request does not say _count.", low=1, high=10_000)
    max_page_size: int = _row(500, "Most resources on a page, whatever _count says.", low=1, high=10_000)
    text_backlog: int = _row(
        2_000,
        "Most new versions whose words may wait to be indexed while _text and _content are still answered.",
        low=0,
        high=100_000,
    )
    statement_timeout_ms: int = _row(
        30_000, "Longest time one database statement may take, in milliseconds.", low=10, high=3_600_000
    )
    lock_timeout_ms: int = _row(
        5_000, "Longest wait for a row or for SQLite's write lock, in milliseconds.", low=1, high=600_000
    )
    referential_integrity: Literal["enforced", "relaxed"] = _row(
        "enforced",
        "enforced refuses a reference to an absent resource and the deletion of a referenced one; relaxed keeps both.",
    )
    update_as_create: bool = _row(True, "Whether PUT to an id that does not exist creates the resource.")
    require_if_match: bool = _row(
        False,
        "Whether an update, patch or deletion of an existing resource without If-Match is refused (versioned-update).",
    )
    unknown_extensions: Literal["accept", "refuse"] = _row(
        "accept",
        "What happens to an extension nobody defined here; an unknown modifierExtension is refused in either case.",
    )
    explain: Literal["unrestricted", "nobody"] = _row(
        "unrestricted",
        "Who may ask with _explain=true how a search is answered: callers who may see everything, or nobody.",
    )
    link_secret: str = _row(
        "", "Key that signs paging links; empty means a new one at each start, so old links end then.", secret=True
    )
    log_level: Literal["debug", "info", "warning", "error"] = _row("info", "Least severe event that is logged.")
    access_log: bool = _row(True, "Whether each request is logged as a JSON line: templated path, status, time.")
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            setting.check(getattr(self, setting.name))
        if self.default_page_size > self.max_page_size:
            raise SettingError("FHIR_DEFAULT_PAGE_SIZE must not be larger than FHIR_MAX_PAGE_SIZE.")
        if not self.database.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise SettingError(
                "FHIR_DATABASE must begin with sqlite:/// or postgresql+psycopg:// (its value is not shown here)."
            )
        derived = {}
        if not self.base_url:
            host = f"[{self.host}]" if ":" in self.host else self.host
            derived["base_url"] = f"http://{host}:{self.port}/fhir"
        elif not self.base_url.startswith(("http://", "https://")):
            raise SettingError("FHIR_BASE_URL must begin with http:// or https://.")
        object.__setattr__(self, "base_url", derived.get("base_url", self.base_url).rstrip("/"))
        if not self.trusted_hosts:
            hosts = dict.fromkeys((*_LOOPBACK, self.host, urlsplit(self.base_url).hostname or self.host))
            derived["trusted_hosts"] = ",".join(hosts)
            object.__setattr__(self, "trusted_hosts", tuple(hosts))
        object.__setattr__(self, "origins", dict(self.origins) | dict.fromkeys(derived, "derived"))

    @property
    def worker_processes(self) -> int:
        """Worker processes to start: `workers`, or one for each core this process may use."""
        return self.workers or _cores()

    def to_environment(self) -> dict[str, str]:
        """Return the FHIR_* variables that make the same settings in another process."""
        return {setting.variable: setting.text(getattr(self, setting.name)) for setting in SETTINGS}

    def __repr__(self) -> str:
        shown = ", ".join(f"{row.name}={row.shown(getattr(self, row.name))}" for row in SETTINGS)
        return f"Settings({shown})"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: name, python type, default, help sentence, choices or bounds, whether it is secret."""

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable, for example FHIR_MAX_DEPTH."""
        return PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The option of the command line, for example --max-depth."""
        return "--" + self.name.replace("_", "-")

    @property
    def allowed(self) -> str:
        """What a value may be, for people."""
        if self.choices:
            return " or ".join(self.choices)
        if self.type is bool:
            return "true or false"
        if self.type is int:
            return f"a whole number from {self.low} to {self.high}"
        return "a comma separated list" if self.type is tuple else "text"

    def parse(self, text: str) -> Any:
        """Turn the text of a variable into the setting's type. Raises SettingError naming the variable."""
        text = text.strip()
        if self.type is bool:
            if text.lower() not in _TRUE | _FALSE:
                raise self.error()
            return text.lower() in _TRUE
        if self.type is int:
            try:
                return int(text)
            except ValueError:
                raise self.error() from None
        if self.type is tuple:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return text

    def text(self, value: Any) -> str:
        """Return `value` as the text that `parse` understands."""
        if self.type is bool:
            return "true" if value else "false"
        return ",".join(value) if self.type is tuple else str(value)

    def check(self, value: Any) -> None:
        """Raise SettingError when `value` has the wrong type or lies outside the choices or bounds."""
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            raise self.error()
        if self.choices and value not in self.choices:
            raise self.error()
        if isinstance(value, int) and not (self.low or 0) <= value <= (self.high or value):
            raise self.error()

    def error(self) -> SettingError:
        """The error for a value that is not allowed; the value itself is not repeated, it may be a secret."""
        return SettingError(f"{self.variable} (option {self.option}) must be {self.allowed}.")

    def shown(self, value: Any) -> str:
        """Return `value` for people: secrets and the password of a database URL are masked."""
        text = self.text(value)
        if self.secret:
            return "******" if text else ""
        return mask_url(text) if self.name == "database" else text


def mask_url(url: str) -> str:
    """Return a URL with its password replaced by stars, wherever libpq accepts one."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, at, host = authority.rpartition("@")
    if ":" in credentials:
        authority = f"{credentials.partition(':')[0]}:******{at}{host}"
    path, question, query = path.partition("?")
    pairs = ["password=******" if pair.lower().startswith("password=") else pair for pair in query.split("&")]
    return f"{scheme}{mark}{authority}{slash}{path}{question}{'&'.join(pairs)}"


def _table() -> tuple[Setting, ...]:
    hints = get_type_hints(Settings)
    rows = []
    for row in dataclasses.fields(Settings):
        if row.name == "origins":
            continue
        hint = hints[row.name]
        choices = tuple(str(choice) for choice in get_args(hint)) if get_origin(hint) is Literal else ()
        python_type = str if choices else (get_origin(hint) or hint)
        meta = row.metadata
        rows.append(
            Setting(
                row.name, python_type, row.default, meta["help"], choices, meta["low"], meta["high"], meta["secret"]
            )
        )
    return tuple(rows)


SETTINGS: tuple[Setting, ...] = _table()


def read(environment: Mapping[str, str], command_line: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings: defaults, overridden by FHIR_* of `environment`, overridden by `command_line`.

    environment   variables, usually os.environ; an empty value counts as absent
    command_line  setting name -> value already of the setting's type; None counts as absent
    Raises SettingError naming the variable whose value cannot be used.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for setting in SETTINGS:
        given = (command_line or {}).get(setting.name)
        text = environment.get(setting.variable, "")
        if given is not None:
            values[setting.name], origins[setting.name] = given, "command line"
        elif text.strip():
            values[setting.name], origins[setting.name] = setting.parse(text), "environment"
        else:
            origins[setting.name] = "default"
    return Settings(**values, origins=origins)


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each FHIR_* variable that no setting has, with the nearest name that exists."""
    known = [setting.variable for setting in SETTINGS]
    found = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not name.startswith(_FOREIGN):
            near = difflib.get_close_matches(name, known, n=1)
            found.append(f"{name} is not a setting." + (f" Did you mean {near[0]}?" if near else ""))
    return found


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address literal) is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
