"""Which plan the next submit gets: defaults per vendor, then what its prompt says."""

from collections import Counter
from collections.abc import Collection, Mapping

from proxy.simulator.directives import Group, Plan, merge, parse_group, parse_prompt


class Scenarios:
    """Defaults per vendor, and how often each `times=` has been used."""

    def __init__(self, vendors: Collection[str]) -> None:
        self._vendors = frozenset(vendors)
        self._defaults: dict[str, Group] = {}
        self._default_uses: Counter[str] = Counter()
        self._prompt_uses: Counter[tuple[str, str]] = Counter()
        self._read_uses: Counter[tuple[str, str, bool]] = Counter()
        self._download_uses: Counter[tuple[str, str]] = Counter()

    def set_default(self, vendor: str, directive: str) -> None:
        """Let `directive` hold for all further submits at `vendor`; empty text clears it.

        Raises:
            BadDirectiveError: The directive is not understood, or names another vendor.
        """
        group = parse_group(f"{vendor}: {directive}", self._vendors) if directive.strip() else None
        for is_find in (False, True):
            self._read_uses.pop((vendor, "", is_find), None)
        self._default_uses.pop(vendor, None)
        self._defaults.pop(vendor, None)
        if group:
            self._defaults[vendor] = group

    def next_read(self, vendor: str, plans: Mapping[str, Plan], *, is_find: bool) -> str:
        """Return the fault of this status or find call, or `ok`, and count it.

        Args:
            vendor: Who is asked.
            plans: Plans of the tasks asked for, by task id; the first fault wins. Without one
                the vendor's default decides, also for a task nobody knows.
            is_find: Whether the call looks tasks up by the caller's id.
        """
        default = merge([self._defaults[vendor]] if vendor in self._defaults else [])
        for name, plan in (*plans.items(), ("", default)):
            fault = plan.find if is_find else plan.status
            times = plan.find_times if is_find else plan.status_times
            use = (vendor, name, is_find)
            if fault == "ok" or (times is not None and self._read_uses[use] >= times):
                continue
            self._read_uses[use] += 1
            return fault
        return "ok"

    def next_download(self, vendor: str, task_id: str, plan: Plan) -> str:
        """Return the fault of this download of a task's clip, or `ok`, and count it."""
        use = (vendor, task_id)
        if plan.download_times is not None and self._download_uses[use] >= plan.download_times:
            return "ok"
        self._download_uses[use] += 1
        return plan.download

    def next_submit(self, vendor: str, prompt: str) -> Plan:
        """Return the plan of this submit and count it.

        `times` counts the submits of one (vendor, whole prompt); for a default it counts all
        submits at the vendor since the default was set. A group that names the vendor
        overrides one that names none; both override the default.

        Raises:
            BadDirectiveError: The prompt holds a directive that is not understood.
        """
        written = parse_prompt(prompt, self._vendors)
        ours = [group for group in written if group.vendor in {None, vendor}]
        ours.sort(key=lambda group: group.vendor is not None)
        groups = [group for group in ours if self._holds(group, self._prompt_uses[vendor, prompt])]
        if any(group.times for group in ours):
            self._prompt_uses[vendor, prompt] += 1
        default = self._defaults.get(vendor)
        if default and self._holds(default, self._default_uses[vendor]):
            groups.insert(0, _without_reads(default))
        self._default_uses[vendor] += 1
        return merge(groups)

    def reset(self) -> None:
        """Forget all defaults and counts."""
        self._defaults.clear()
        self._default_uses.clear()
        self._prompt_uses.clear()
        self._read_uses.clear()
        self._download_uses.clear()

    @staticmethod
    def _holds(group: Group, uses: int) -> bool:
        return group.times is None or uses < group.times


def _without_reads(group: Group) -> Group:
    """Return the group without what `next_read` takes from the default itself."""
    kept = {name: value for name, value in group.values.items() if name not in _READ_FIELDS}
    return Group(group.vendor, group.times, kept)


_READ_FIELDS = frozenset({"status", "status_times", "find", "find_times"})
