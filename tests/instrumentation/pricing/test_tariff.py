"""The arithmetic: exact, rounded once, every metered unit charged once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing.meters import METERS
from spanledger.pricing.tariff import Rate, Tariff
from spanledger.pricing.units import UNITS, Unit, find_unit

TOKENS = next(unit for unit in UNITS if unit.name == "tokens")
PARTS = {
    "input_tokens": ("cached_input_tokens", "audio_input_tokens"),
    "output_tokens": ("reasoning_output_tokens", "audio_output_tokens"),
}

amounts = st.decimals(0, 10**9, places=9)
pers = st.integers(1, 10**9).map(Decimal)
rates = st.builds(Rate, amounts, pers, st.just(TOKENS))
whole_rates = st.fixed_dictionaries(
    {"input_tokens": rates, "output_tokens": rates},
    optional={part: rates for parts in PARTS.values() for part in parts},
)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Decimal]:
    """Consistent usage: the parts of a meter never exceed it."""
    used: dict[str, Decimal] = {}
    for parent, parts in PARTS.items():
        counts = [draw(amounts) for _ in parts]
        used |= dict(zip(parts, counts, strict=True))
        used[parent] = sum(counts, draw(amounts))
    return used


def recount(tariff: Tariff, used: dict[str, Decimal]) -> Fraction:
    """The total by fractions, from the definition: a priced part at its own price, the rest at its parent's."""
    total = Fraction(0)
    for parent, parts in PARTS.items():
        priced = [part for part in parts if part in tariff.rates]
        rest = Fraction(used[parent]) - sum(Fraction(used[part]) for part in priced)
        for meter, quantity in [(parent, rest), *((part, Fraction(used[part])) for part in priced)]:
            rate = tariff.rates[meter]
            total += quantity * Fraction(rate.price) / Fraction(rate.per)
    return total


def half_even(value: Fraction, places: int) -> Fraction:
    """Round a fraction; Python rounds fractions half to even."""
    return Fraction(round(value * 10**places), 10**places)


def tariff_of(rates: dict[str, Rate]) -> Tariff:
    """A tariff in tokens."""
    return Tariff("test", TOKENS, rates, "USD")


@given(whole_rates, usages())
def test_total_and_unit_cost_are_the_exact_values_rounded_once(
    rates: dict[str, Rate], used: dict[str, Decimal]
) -> None:
    """Total at 12 and unit cost at 18 places equal an independent count in fractions, ties to even."""
    tariff = tariff_of(rates)
    exact = recount(tariff, used)
    tokens = Fraction(used["input_tokens"] + used["output_tokens"])
    charge = tariff.charge(used)

    assert Fraction(charge.total_cost or 0) == half_even(exact, 12)
    assert Fraction(charge.unit_cost or 0) == (half_even(exact / tokens, 18) if tokens else 0)
    assert Fraction(charge.quantity) == tokens


def test_a_tie_at_the_twelfth_place_goes_to_the_even_digit() -> None:
    """Half of the last place rounds to even, and the least above it rounds up."""
    totals = [
        tariff_of({"input_tokens": Rate(Decimal(price), Decimal(1), TOKENS)}).charge({"input_tokens": Decimal(1)})
        for price in ("0.0000000000005", "0.0000000000015", "0.0000000000005" + "0" * 200 + "1")
    ]

    assert [total.total_cost for total in totals] == [Decimal(0), Decimal("2E-12"), Decimal("1E-12")]


@given(rates, usages())
def test_parts_at_the_price_of_their_whole_change_nothing(rate: Rate, used: dict[str, Decimal]) -> None:
    """Splitting a meter into parts of the same price never counts a unit twice or not at all."""
    coarse = tariff_of({"input_tokens": rate, "output_tokens": rate})
    fine = tariff_of(dict.fromkeys(used, rate))

    assert fine.charge(used).total_cost == coarse.charge(used).total_cost


@given(whole_rates, usages(), st.sampled_from(sorted(PARTS)), amounts)
def test_more_usage_never_costs_less(
    rates: dict[str, Rate], used: dict[str, Decimal], meter: str, more: Decimal
) -> None:
    """Raising a quantity never lowers the total."""
    tariff = tariff_of(rates)
    less_cost = tariff.charge(used).total_cost
    more_cost = tariff.charge(used | {meter: used[meter] + more}).total_cost

    assert less_cost is not None
    assert more_cost is not None
    assert more_cost >= less_cost


@given(amounts, st.sampled_from([unit for unit in UNITS if unit.base == "seconds"]))
def test_a_quantity_is_shown_to_the_twelfth_place(used: Decimal, shown_in: Unit) -> None:
    """The shown quantity is the base quantity in the shown unit, half-even at 12 places."""
    tariff = Tariff("test", shown_in, {"seconds": Rate(Decimal(1), Decimal(1), UNITS[0])}, "USD")

    assert Fraction(tariff.charge({"seconds": used}).quantity) == half_even(
        Fraction(used) / Fraction(shown_in.factor), 12
    )


def test_units_are_found_by_every_usual_name() -> None:
    """Case, plural and abbreviation do not matter; an unknown name finds nothing."""
    found = [find_unit(name) for name in ("Minutes", "minute", "MIN", "GiB", "gb", " 1k tokens ", "fortnight")]

    assert [unit.name if unit else None for unit in found] == ["minutes"] * 3 + ["GB"] * 2 + ["1K tokens", None]


def test_the_tree_of_meters_has_two_levels() -> None:
    """A part belongs to a meter that stands alone and counts in the same unit: splitting relies on it."""
    parents = [(meter, METERS[meter.parent]) for meter in METERS.values() if meter.parent]

    assert parents
    assert all(parent.parent is None and parent.base == meter.base for meter, parent in parents)
