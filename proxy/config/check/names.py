"""The names a configuration defines, also those whose definition has a mistake.

A model with a mistyped score is still a model: teams that name it are not to blame.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from proxy.config.document import Document, Plain
from proxy.config.files import Files
from proxy.domain.rank import MEASURES

RANKING_WORDS: Final = frozenset(MEASURES)
_NOT_SCORES: Final = frozenset({"source", "as_of"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Everything that other files may refer to."""

    models: frozenset[str]
    policies: frozenset[str]
    providers: frozenset[str]
    scores: frozenset[str]
    budgets: frozenset[str]

    @classmethod
    def of(cls, files: Files, known_providers: Iterable[str]) -> Self:
        """Collect the names written in the files."""
        catalogs = [checked.document for checked in files.catalogs]
        models = [_mapping(document, "models") for document in catalogs]
        return cls(
            models=frozenset(name for model in models for name in model),
            policies=frozenset(_mapping(files.routing.document, "policies")),
            providers=frozenset(_mapping(files.server.document, "providers"))
            | frozenset(known_providers),
            scores=frozenset(
                score
                for model in models
                for definition in model.values()
                for score in _scores(definition)
            ),
            budgets=frozenset(_budgets(files)),
        )


def _budgets(files: Files) -> Iterator[str]:
    """The ids of every budget: the organisation's, the teams' and their keys'."""
    for document in (files.organisation.document, *(team.document for team in files.teams)):
        keys = document.lookup(("keys",))
        owners = [document.data, *(keys if isinstance(keys, list) else ())]
        for owner in owners:
            budgets = owner.get("budgets") if isinstance(owner, dict) else None
            for budget in budgets if isinstance(budgets, list) else ():
                if isinstance(budget, dict) and isinstance(budget.get("id"), str):
                    yield str(budget["id"])


def _mapping(document: Document, key: str) -> dict[str, Plain]:
    found = document.lookup((key,))
    return found if isinstance(found, dict) else {}


def _scores(definition: Plain) -> Iterable[str]:
    scores = definition.get("scores") if isinstance(definition, dict) else None
    return set(scores) - _NOT_SCORES if isinstance(scores, dict) else ()
