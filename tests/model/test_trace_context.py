"""Trace ids follow from attempts' ids, are unique, and are fit for samplers."""

from __future__ import annotations

from harness.model.trace_context import trace_ids, trace_seed


def test_ids_are_unique_and_never_zero() -> None:
    """No two attempts of two senders share an id, and each half of it has its length."""
    found = [trace_ids(trace_seed(token), number) for token in ("aa-0", "aa-1") for number in range(20_000)]

    assert len({trace for trace, _ in found}) == len(found)
    assert all(0 < trace < 2**128 and 0 < span < 2**64 for trace, span in found)
    assert trace_ids(0, 0)[0] >> 64


def test_a_sampler_that_reads_the_lower_half_takes_its_share() -> None:
    """Samplers keep a trace if its lower half is below a limit: of consecutive attempts they keep that part."""
    lower = [trace_ids(trace_seed("aa-0"), number)[0] & (2**64 - 1) for number in range(10_000)]
    kept = sum(value < 2**64 // 10 for value in lower)

    assert 900 <= kept <= 1100
