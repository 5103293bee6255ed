"""From a directory to checked settings, or to everything that is wrong with it, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from vsmtp.config.cross import cross_check
from vsmtp.config.files import Sources, find
from vsmtp.config.merge import Document, Origin, descend, locate_fault, merge, place_of
from vsmtp.config.models.settings import Settings
from vsmtp.config.read import read
from vsmtp.config.validate import validate
from vsmtp.config.version import satisfies
from vsmtp.values.diagnostic import Diagnostic, Fault, KeyPath, Place

RulePair: TypeAlias = tuple[KeyPath, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree whose settings are sound; its rules are not judged yet.

    `root` is the directory that relative paths start from; those in `settings` already do. `notes` are
    warnings and notes that do not keep the tree from being used.
    """

    root: Path
    settings: Settings
    notes: tuple[Diagnostic, ...]
    _origin: Origin | None

    @property
    def rules(self) -> Mapping[str, tuple[RulePair, ...]]:
        """The rule tables as TOML gave them, in order, with their paths, by the name of the stage."""
        fields = type(self.settings.rules).model_fields
        stages = {stage: getattr(self.settings.rules, stage) for stage in fields if stage != "disable"}
        return {stage: _pairs(("rules", stage), tables) for stage, tables in stages.items() if tables}

    @property
    def chains(self) -> Mapping[str, tuple[RulePair, ...]]:
        """The rule tables of the chains, likewise, by the name of the chain."""
        return {name: _pairs(("chains", name), tables) for name, tables in self.settings.chains.items()}

    @property
    def domains(self) -> Mapping[str, Mapping[str, str | tuple[RulePair, ...]]]:
        """What each domain has as `incoming`, `outgoing`, `internal`: a chain's name, or rules likewise."""
        return {
            name: {
                key: said if isinstance(said, str) else _pairs(("domains", name, key), said)
                for key, said in domain.chains.items()
            }
            for name, domain in self.settings.domains.items()
        }

    def locate(self, fault: Fault) -> Diagnostic:
        """The fault with its place in a file; no place when nothing of its path was written."""
        return locate_fault(self._origin, fault)

    def origin(self, path: KeyPath) -> Place | None:
        """Where the value at this path was set; None when it is a default."""
        found, depth = descend(self._origin, path)
        return place_of(found, at_key=False) if found is not None and path and depth == len(path) else None


def _pairs(path: KeyPath, tables: Sequence[Mapping[str, Any]]) -> tuple[RulePair, ...]:
    return tuple(((*path, n), table) for n, table in enumerate(tables))


def read_tree(directory: Path, *, hostname: str, version: str) -> Tree | tuple[Diagnostic, ...]:
    """Read the tree that `-c directory` names.

    `hostname` is the host's full name, the default of `server.name`; `version` is the release that runs. An
    unsound tree gives all diagnostics of the first layer that has errors, with the notes found on the way.
    """
    found = find(directory)
    return (
        (found,) if isinstance(found, Diagnostic) else read_sources(found, hostname=hostname, version=version)
    )


def read_sources(sources: Sources, *, hostname: str, version: str) -> Tree | tuple[Diagnostic, ...]:
    """Read these files as one tree, as `read_tree` does."""
    results = [read(path) for path in sources.files]
    documents = [result for result in results if isinstance(result, Document)]
    unmet = tuple(_unmet(documents, version))
    if unmet:
        return unmet
    broken = tuple(result for result in results if isinstance(result, Diagnostic))
    if broken:
        return (*broken, *sources.notes)
    merged, set_again = merge(documents)
    notes = (*sources.notes, *set_again)
    settings = validate(_with_name({} if merged is None else merged.plain(), hostname), sources.root)
    if not isinstance(settings, Settings):
        return (*(locate_fault(merged, _of_host(fault, merged)) for fault in settings), *notes)
    crossed = [locate_fault(merged, fault) for fault in cross_check(settings)]
    if any(diagnostic.severity == "error" for diagnostic in crossed):
        return (*crossed, *notes)
    return Tree(sources.root, settings, (*crossed, *notes), merged)


def _unmet(documents: Sequence[Document], version: str) -> Iterator[Diagnostic]:
    path = ("version_requirement",)
    for document in documents:
        requirement = document.values.get(path[0])
        if not isinstance(requirement, str):
            continue  # absent, or of a wrong type, which validation says with all else
        try:
            if satisfies(version, requirement):
                continue
            message = f"this is vsmtp {version}, the tree asks for `{requirement}`"
            remedy = "install a release that fits, or adapt the tree and this line"
            fault = Fault(path, "version-requirement", message, remedy)
        except ValueError as error:
            fault = Fault(path, "bad-requirement", str(error))
        yield locate_fault(merge([document])[0], fault)


def _with_name(data: dict[str, Any], hostname: str) -> dict[str, Any]:
    server = data.setdefault("server", {})
    if isinstance(server, dict):
        server.setdefault("name", hostname)
    return data


def _of_host(fault: Fault, merged: Origin | None) -> Fault:
    written = descend(merged, ("server", "name"))[1] == len(("server", "name"))
    if fault.path != ("server", "name") or written:
        return fault
    remedy = 'the host\'s own name will not do: write `name = "mx.example.org"` in `[server]`'
    return Fault(fault.path, fault.code, fault.message, remedy)
