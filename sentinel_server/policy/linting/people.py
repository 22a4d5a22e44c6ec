"""Who can ask, as few as show every way in which somebody can be meant or not meant by the rules' users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sentinel_server.identity.principal import Kind
from sentinel_server.policy.linting.arns import KINDS, cut, may_have
from sentinel_server.policy.linting.globs import Least, bits, one_of
from sentinel_server.policy.linting.slots import Slot, Sort
from sentinel_server.policy.match import NAMED_BARE
from sentinel_server.policy.schema import Policy, expand

_COMBINATIONS = 20_000


_Chosen = list[tuple[tuple[str, ...], int]]
"""Parts of ARNs so far, and the entries that still fit."""


@dataclass(frozen=True, slots=True)
class Someone:
    """An ARN, the account that policies without trusted accounts trust then, and the rules that mean them."""

    arn: str
    home: str | None
    rules: int


class People:
    """The principals that `parse_principal` accepts, as the users of one policy's rules tell them apart."""

    def __init__(self, policy: Policy) -> None:
        meant = [expand(rule.conditions.users, policy.groups) for rule in policy.rules]
        spared = [expand(rule.conditions.not_users, policy.groups) for rule in policy.rules]
        self._entries = tuple(dict.fromkeys(entry for each in (*meant, *spared) for entry in each))
        self._number = {entry: number for number, entry in enumerate(self._entries)}
        self._meant = [self._mask(each) for each in meant]
        self._spared = [self._mask(each) for each in spared]
        self._negated = one_of(number for mask in self._spared for number in bits(mask))
        self._cuts = {entry: found for entry in self._entries if _arn(entry) and (found := cut(entry))}
        self._bare = self._mask(entry for entry in self._entries if not _arn(entry))
        self._accounts = policy.trusted_accounts
        self._slots: dict[tuple[str, int], Slot] = {}
        self._found: dict[tuple[str, ...], tuple[list[Someone], bool]] = {}

    def meant_by(self, entries: tuple[str, ...], rules: int) -> tuple[Sequence[Someone], bool]:
        """People whom each of `entries` and all of `rules` mean.

        For anybody else of whom that is true there is one among them whom no other rules mean; that holds
        only if the second answer is True, and False is said when there are too many to try.
        """
        if entries not in self._found:
            self._found[entries] = self._told_apart(entries)
        people, whole = self._found[entries]
        return [someone for someone in people if someone.rules & rules == rules], whole

    def _told_apart(self, entries: tuple[str, ...]) -> tuple[list[Someone], bool]:
        found: dict[int, Someone] = {}
        whole = True
        for sort in self._sorts(entries):
            chosen, all_of_them = self._of(sort, entries)
            whole = whole and all_of_them
            for words, meant in chosen:
                rules = self._rules(meant)
                if rules not in found:
                    found[rules] = _someone(sort, words, rules)
        return list(found.values()), whole

    def _sorts(self, entries: tuple[str, ...]) -> Iterator[Sort]:
        bare = any(not _arn(entry) for entry in entries)
        for kind in KINDS:
            for form in self._forms(kind, entries):
                if kind in NAMED_BARE:
                    yield Sort(kind, form, trusted=True)
                if not bare:
                    yield Sort(kind, form, trusted=False)

    def _forms(self, kind: Kind, entries: tuple[str, ...]) -> Iterable[str]:
        """The plain one, those that entries or negations ask for, and for users one that nobody asks for."""
        asked = {self._form(entry) for entry in entries if _arn(entry)}
        if asked:
            only = asked.pop()
            return [only] if only is not None and not asked and may_have(kind, only) else []
        plain = {Kind.ROOT: "", Kind.SSO_ROLE: "//", Kind.ASSUMED_ROLE: "//"}.get(kind, "/")
        if kind is not Kind.IAM_USER:
            return [plain]
        forms = {found.form for found in self._cuts.values() if may_have(kind, found.form)}
        negated = {found.form for entry, found in self._cuts.items() if self._negates(entry)}
        fresh = "/" * (max(map(len, forms), default=0) + 1)
        return dict.fromkeys((plain, *sorted(forms & negated), fresh))

    def _of(self, sort: Sort, entries: tuple[str, ...]) -> tuple[_Chosen, bool]:
        """The parts of an ARN for each way in which people of this sort, meant by all `entries`, are meant by
        others, and whether those are all.
        """
        chosen: _Chosen = [((), self._start(sort))]
        whole = True
        for place in range(sort.last + 1):
            slot = self._slot(sort.form, place)
            asked = (self._part(entry, sort, place) for entry in entries)
            options, all_of_them = slot.options(sort, frozenset(part for part in asked if part is not None))
            whole = whole and all_of_them and len(chosen) * len(options) <= _COMBINATIONS
            chosen = _fewest(chosen, options[: _COMBINATIONS // max(1, len(chosen))], self._negated)
        needed = self._mask(entries)
        return [each for each in chosen if each[1] & needed == needed], whole

    def _start(self, sort: Sort) -> int:
        alike = (entry for entry, found in self._cuts.items() if found.form == sort.form)
        return self._mask(alike) | (self._bare if sort.trusted else 0)

    def _part(self, entry: str, sort: Sort, place: int) -> str | None:
        if _arn(entry):
            return self._cuts[entry].parts[place]
        return entry if place == sort.last else None

    def _slot(self, form: str, place: int) -> Slot:
        key = (form, place)
        if key not in self._slots:
            parts: dict[str, int] = {}
            for entry, found in self._cuts.items():
                if found.form == form:
                    part = found.parts[place]
                    parts[part] = parts.get(part, 0) | 1 << self._number[entry]
            free = self._bare
            if place == 4 + len(form):
                free = 0
                for number in bits(self._bare):
                    parts[self._entries[number]] = parts.get(self._entries[number], 0) | 1 << number
            self._slots[key] = Slot(place, parts, free, self._negated, self._accounts)
        return self._slots[key]

    def _rules(self, meant: int) -> int:
        return one_of(
            rule
            for rule, (users, spared) in enumerate(zip(self._meant, self._spared, strict=True))
            if (not users or meant & users) and not meant & spared
        )

    def _form(self, entry: str) -> str | None:
        return self._cuts[entry].form if entry in self._cuts else None

    def _negates(self, entry: str) -> bool:
        return bool(self._negated >> self._number[entry] & 1)

    def _mask(self, entries: Iterable[str]) -> int:
        return one_of(self._number[entry] for entry in entries)


def _arn(entry: str) -> bool:
    return entry.startswith("arn:")


def _someone(sort: Sort, words: tuple[str, ...], rules: int) -> Someone:
    partition, service, region, account, *resource = words
    name = "".join(part for pair in zip(resource, (*sort.form, ""), strict=True) for part in pair)
    home = account if sort.trusted else None
    return Someone(f"arn:{partition}:{service}:{region}:{account}:{name}", home, rules)


def _fewest(chosen: _Chosen, options: Sequence[tuple[str, int]], negated: int) -> _Chosen:
    """Every choice with every option after it, but for those that no entry tells from a better one."""
    tried = [((*words, word), meant & left) for words, meant in chosen for word, left in options]
    tried.sort(key=lambda each: each[1].bit_count())
    best = Least(negated)
    return [each for each in tried if best.add(each[1])]
