"""Finds, reads and checks the files of one configuration."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.config.document import Document
from proxy.config.problem import Problem
from proxy.config.read import read_file
from proxy.config.schema.catalog import CatalogSchema
from proxy.config.schema.policies import OrganisationSchema, RoutingSchema, TeamSchema
from proxy.config.schema.server import ServerSchema
from proxy.config.validate import Checked, validate

_LAYOUT: Final = (
    "organisation.yaml, routing.yaml, catalog.yaml or catalog/*.yaml, and teams/*.yaml"
)
_FIXED: Final = frozenset({"organisation.yaml", "routing.yaml", "catalog.yaml"})
_FOLDERS: Final = frozenset({"teams", "catalog"})
_ENDINGS: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(slots=True)
class Files:
    """Every file of a configuration, checked on its own; `problems` are about the `folder`."""

    server: Checked[ServerSchema]
    organisation: Checked[OrganisationSchema]
    routing: Checked[RoutingSchema]
    catalogs: tuple[Checked[CatalogSchema], ...]
    teams: tuple[Checked[TeamSchema], ...]
    problems: list[Problem]
    folder: Path

    def documents(self) -> Iterator[Document]:
        """Go through every file, in a fixed order."""
        yield self.server.document
        yield self.organisation.document
        yield self.routing.document
        yield from (checked.document for checked in self.catalogs)
        yield from (checked.document for checked in self.teams)

    @property
    def have_all_names(self) -> bool:
        """Whether each file of the policies could be read, so that no name is merely unseen."""
        policies = (one for one in self.documents() if one is not self.server.document)
        return all(document.data is not None for document in policies)

    def all_problems(self) -> list[Problem]:
        """Collect what was found so far, in the folder and in every file."""
        found = list(self.problems)
        found += self.server.problems + self.organisation.problems + self.routing.problems
        found += (problem for checked in self.catalogs for problem in checked.problems)
        found += (problem for checked in self.teams for problem in checked.problems)
        return found


def read_files(config_path: Path, policies_path: Path | None) -> Files:
    """Read a configuration.

    Args:
        config_path: config.yaml, under whatever name.
        policies_path: the policies folder; None takes the one that config.yaml names.
    """
    server = validate(read_file(config_path, str(config_path)), ServerSchema)
    if policies_path is None:
        named = server.value.policies if server.value else "./policies"
        policies_path = config_path.parent / named
    problems: list[Problem] = []
    catalogs = [name for name in ("catalog.yaml",) if (policies_path / name).exists()]
    catalogs += _listing(policies_path, "catalog")
    teams = _listing(policies_path, "teams")
    problems += _strangers(policies_path)
    if not policies_path.is_dir():
        problems.append(_missing(policies_path, "is not a folder"))
    if not teams:
        problems.append(_missing(policies_path / "teams", "holds no team"))
    read = _reader(policies_path)
    return Files(
        server=server,
        organisation=validate(read("organisation.yaml"), OrganisationSchema),
        routing=validate(read("routing.yaml"), RoutingSchema),
        catalogs=tuple(
            validate(read(name), CatalogSchema) for name in catalogs or ["catalog.yaml"]
        ),
        teams=tuple(validate(read(name), TeamSchema) for name in teams),
        problems=problems,
        folder=policies_path,
    )


def _reader(folder: Path) -> Callable[[str], Document]:
    return lambda name: read_file(folder / name, str(folder / name))


def _missing(path: Path, what: str) -> Problem:
    return Document(str(path)).problem((), f"{what}; allowed: a folder with {_LAYOUT}")


def _listing(folder: Path, name: str) -> list[str]:
    """List the files of a subfolder, sorted; names that begin with a dot are not ours."""
    found = (folder / name).glob("*.yaml")
    return sorted(f"{name}/{path.name}" for path in found if not path.name.startswith("."))


def _strangers(folder: Path) -> Iterator[Problem]:
    """Report YAML files that would otherwise be passed over in silence."""
    for place in (folder, *(folder / name for name in sorted(_FOLDERS))):
        for path in sorted(place.glob("*")):
            known = path.suffix == ".yaml" and (place != folder or path.name in _FIXED)
            if path.suffix in _ENDINGS and not known and not path.name.startswith("."):
                message = f"is not a file of this folder; allowed: {_LAYOUT}"
                yield Document(str(path)).problem((), message)
