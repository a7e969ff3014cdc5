from __future__ import annotations

import datetime
import platform

from benchmarks import machine

CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu\n"


def test_the_processor_is_named_as_linux_names_it() -> None:
    assert machine.processor(CPUINFO) == "Some CPU @ 2.00GHz"
    assert machine.processor("processor\t: 0\nFeatures\t: fp asimd\n") == platform.machine()


def test_this_machine_is_described_in_full() -> None:
    described = machine.describe()
    assert all(described.values())
    assert int(described["cores"]) >= 1
    assert "numpy " in described["packages"]
    assert datetime.datetime.fromisoformat(described["date"]).utcoffset() == datetime.timedelta(0)
