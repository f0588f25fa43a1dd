"""One row of the table: one piece of work, and what each contender took for it."""

from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    """`amc` and `peers` are in `unit`. What is `only_shown` never counts as the best peer."""

    task: str
    problem: str
    unit: str
    amc: float | None = None
    # What `amc` takes without its advantage or handicap: no pilot (runs), no skipping (densities).
    amc_plain: float | None = None
    limit: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    only_shown: list[str] = field(default_factory=list)
    wanted: float | None = None
    # Whether `wanted` is a bound on `amc` itself (an efficiency) instead of on the ratio.
    wanted_of_amc: bool = False
    disagreements: list[str] = field(default_factory=list)
    variants: dict[str, str] = field(default_factory=dict)
    details: dict = field(default_factory=dict)

    @property
    def best_peer(self) -> str | None:
        """The peer that took least."""
        counted = {name: t for name, t in self.peers.items() if name not in self.only_shown}
        return min(counted, key=counted.__getitem__) if counted else None

    @property
    def ratio(self) -> float | None:
        """What the best peer took over what `amc` took."""
        return self._ratio_to(self.amc)

    @property
    def ratio_to_plain(self) -> float | None:
        """The same for the plain work."""
        return self._ratio_to(self.amc_plain)

    @property
    def reached(self) -> bool | None:
        """Whether what is wanted was reached; `None` where nothing is."""
        value = self.amc if self.wanted_of_amc else self.ratio
        return None if self.wanted is None or value is None else value >= self.wanted

    def _ratio_to(self, own: float | None) -> float | None:
        if self.wanted_of_amc or not own or self.best_peer is None:
            return None
        return self.peers[self.best_peer] / own

    def to_dict(self) -> dict:
        """Everything, for `--json`."""
        derived = ("best_peer", "ratio", "ratio_to_plain", "reached")
        return asdict(self) | {name: getattr(self, name) for name in derived}
