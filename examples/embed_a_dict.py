"""taskkit over a dict of records: two methods, one script, one task; then a night passes and a record is checked in.

The clock is virtual, so that this page prints the same each time. A product leaves it away.
"""

from __future__ import annotations

from collections.abc import Iterable

import pendulum

from taskkit import AfterCheckIn, CheckedIn, Daily, Engine, OnDemand, Record, Records, RecordType, Task, Vault, of_type
from taskkit.scripts import Commands, Step
from taskkit.testing import VirtualClock

BERLIN = "Europe/Berlin"
RECORDS = {
    "db-1": Record("db-1", "unix", fields={"host": "10.0.0.5", "user": "app"}),
    "web-1": Record("web-1", "unix", fields={"host": "10.0.0.6", "user": "www"}),
}


class OurRecords(Records):
    def get(self, id: str) -> Record | None:
        return RECORDS.get(id)

    def all(self) -> Iterable[Record]:
        return RECORDS.values()


def main() -> None:
    clock = VirtualClock(pendulum.datetime(2026, 3, 28, 12, tz=BERLIN))
    engine = Engine(Vault(OurRecords()), clock=clock)
    engine.define(RecordType("unix", executor="local"))
    engine.define(Commands("greet", Step("echo Hello {user}", capture={"said": "(Hello .*)"})))
    greet = Task("greet", "greet", [Daily(at="02:30", tz=BERLIN), AfterCheckIn(), OnDemand()])
    greet = engine.put(greet, list=of_type("unix"), by="ada")  # for all records of the type

    clock.advance(hours=24)  # over a night in which no clock showed 02:30
    engine.drain()  # does what is due; a product calls `engine.run` once, in a thread
    engine.emit(CheckedIn("db-1", approval="a-17"))
    engine.demand(greet.id, "web-1", by="bob")
    engine.drain()

    for job in sorted(engine.history().entries, key=lambda job: (job.record or "", job.due)):
        due = job.due.in_timezone(BERLIN).format("ddd HH:mm")
        said = job.result["captured"]["said"] if job.ended else ""
        print(f"{job.record:6} {due}  {job.state:10} {said:10} {', '.join(job.reasons)}")


if __name__ == "__main__":
    main()
