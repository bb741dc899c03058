"""Every team with what it has under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.policy import Team
    from proxy.gateway.ports.admission import TeamState
    from proxy.gateway.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLine:
    """A team of the configuration, and its counts now."""

    team: Team
    keys: int
    state: TeamState


async def all_teams(runtime: Runtime) -> tuple[TeamLine, ...]:
    """Read every team of the configuration in force. Raises StoreUnavailable."""
    snapshot = runtime.live.snapshot
    owners = [key.team for key in snapshot.keys.values()]
    return tuple(
        [
            TeamLine(
                team=team,
                keys=owners.count(team.id),
                state=await runtime.accounts.team_state(team.id, (), ()),
            )
            for team in snapshot.teams.values()
        ]
    )
