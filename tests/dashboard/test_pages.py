"""What the pages show: the API's numbers, in any size, theme and language, for pointer, keyboard and ear."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import expect

from spanledger_api.amounts import exact_arithmetic
from tests.dashboard.browser import DESKTOP, PHONE
from tests.dashboard.month import SILENT_DAY

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.dashboard.browser import Visitor
    from tests.dashboard.conftest import Site


_MOVERS = "/api/analytics/cost/movers"
_BREAKDOWN = "/api/analytics/cost/breakdown"


def _asked(visitor: Visitor, path: str, having: str = "", lacking: str = "no such part") -> str:
    """The question that the page asked of a path, as it asked it."""
    return next(each for each in visitor.asked if each.startswith(path) and having in each and lacking not in each)


def _panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def _titles(place: Locator) -> list[str]:
    return [each.get_attribute("title") or "" for each in place.all()]


def test_the_figures_are_those_of_the_api(site: Site, visitor: Visitor) -> None:
    """Spend, forecast, calls and shares on the first screen have every digit that the API gives."""
    page = visitor.go("/")
    [total] = site.ask(_asked(visitor, _MOVERS, lacking="groupBy"))
    status = {row["status"]: row for row in site.ask(_asked(visitor, _BREAKDOWN, "groupBy=status"))}
    health = httpx.get(site.url + _asked(visitor, "/api/health/data")).json()
    tile = page.locator(".tile")

    assert _titles(tile.nth(0).locator(".figure [title]")) == [f"{total['current_cost']} USD"]
    assert f"{total['change_percent']:.1f}%" in tile.nth(0).inner_text()
    [forecast] = site.ask("/api/analytics/cost/forecast")
    assert _titles(tile.nth(1).locator(".figure [title]")) == [f"{forecast['month_to_date']} USD"]
    assert "weekday run rate over 28 days" in tile.nth(1).inner_text()
    calls = sum(int(str(row["operations_count"])) for row in status.values())
    assert tile.nth(2).locator(".figure").inner_text() == f"{calls:,}"
    assert _titles(tile.nth(3).locator(".figure [title]")) == [f"{status['failed']['total_cost']} USD"]
    assert tile.nth(4).locator(".figure").inner_text() == f"{health['unpriced_share']:.1%}"


def test_the_groups_add_up_to_the_whole(site: Site, visitor: Visitor) -> None:
    """The legend names every group with its exact sum, the most expensive first, and the sums are the spend."""
    page = visitor.go("/?group=user")
    rows = site.ask(_asked(visitor, _BREAKDOWN, "groupBy=user"))
    shown = [Decimal(title.split()[0]) for title in _titles(page.locator(".legend .value"))]

    assert sum(shown) == sum(Decimal(str(row["total_cost"])) for row in rows)
    assert shown == sorted(shown, reverse=True)
    assert page.locator(".legend .label").all_inner_texts()[-1] == "no user"


def test_panels_show_what_their_reports_say(site: Site, visitor: Visitor) -> None:
    """Changes, executions, budgets, alerts, units, usage and latency stand on the first screen in the API's order."""
    page = visitor.go("/")
    movers = site.ask(_asked(visitor, _MOVERS, "groupBy=service"))
    dearest = site.ask(_asked(visitor, "/api/executions"))
    slowest = site.ask(_asked(visitor, "/api/analytics/performance/latency"))
    usage = site.ask(_asked(visitor, "/api/analytics/usage"))

    assert page.locator(".movers .label").all_inner_texts() == [str(row["name"]) for row in movers]
    executions = _panel(page, "Most expensive executions").first
    assert executions.locator("tbody th").all_inner_texts() == [str(row["execution_id"]) for row in dearest]
    assert _titles(executions.locator("td [title$=USD]")) == [f"{row['total_cost']} USD" for row in dearest]
    latency = _panel(page, "Latency").first.locator("tbody th").all_inner_texts()
    assert [each.split()[0] for each in latency] == [str(row["step_name"]) for row in slowest[:8]]
    assert page.locator(".bars > li .label").all_inner_texts() == ["GPT-4 prompts", "Everything", "Studio of Ada"]
    notices = [str(row["message"]) for row in site.ask("/api/alerts?status=open")]
    assert set(page.locator(".alerts .message").all_inner_texts()) <= set(notices)
    assert page.locator("nav .badge").inner_text() == str(len(notices))
    assert len(page.locator("dl.facts").first.locator("dt").all()) == len(usage)
    expect(_panel(page, "Cost of one unit").first).to_contain_text("Video minute google_video_ai")


_PAGES = (
    *("/users", "/users/ada", "/services", "/services/openai", "/prompts", "/tasks", "/tasks/video_generation"),
    *("/executions", "/recommendations", "/alerts", "/budgets", "/prices?history=1", "/data-health", "/settings"),
    f"/prompts/{quote('gpt-4_video_selection_segment_select')}",
)
_LOOKS = ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark"))


def test_the_first_screen_can_be_read_by_anybody(visitor: Visitor) -> None:
    """In every size and theme nothing is wrong for assistive technology and nothing sticks out of the window."""
    visitor.go("/")
    for size, theme in _LOOKS:
        visitor.look(size, theme)

        assert visitor.violations() == "", (size, theme)
        assert visitor.overflow() <= 0, (size, theme)


@pytest.mark.parametrize(("path", "look"), [(path, _LOOKS[at % 4]) for at, path in enumerate(_PAGES)])
def test_every_page_can_be_read_by_anybody(visitor: Visitor, path: str, look: tuple[tuple[int, int], str]) -> None:
    """The same holds for every other page, which has one heading and shows no failure."""
    page = visitor.go(path, *look)

    assert visitor.violations() == ""
    assert visitor.overflow() <= 0
    assert page.locator(".notice.bad").count() == 0
    assert page.locator("h1").count() == 1


def test_an_execution_opens_as_its_spans(site: Site, visitor: Visitor) -> None:
    """A click on the most expensive execution shows its spans in order with their costs, and their attributes."""
    page = visitor.go("/?sort=cost")
    row = _panel(page, "Most expensive executions").first.locator("tbody th a").first
    name = row.inner_text()
    row.click()
    expect(page.locator("h1")).to_have_text(name)
    visitor.wait()
    spans = site.ask(f"/api/executions/{name}/spans")
    lines = page.locator(".waterfall tbody tr")

    expect(lines).to_have_count(len(spans))
    assert [each.split("\n")[0][2:].split(" failed")[0] for each in lines.locator("th").all_inner_texts()] == [
        str(span["name"]) for span in spans
    ]
    paid = [f"{span['total_cost']} USD" for span in spans if span["total_cost"] is not None]
    assert _titles(lines.locator("td.number [title$=USD]")) == paid
    lines.first.get_by_role("button").click()
    expect(page.locator(".attributes")).to_contain_text("execution.id")
    assert visitor.violations() == ""


def test_the_address_says_everything(visitor: Visitor) -> None:
    """Range, grouping, filters and time zone are in the address, and whoever opens it sees the same."""
    page = visitor.go("/")
    page.get_by_role("button", name="7 days").click()
    page.get_by_label("Group by").select_option("model")
    page.get_by_text("+ Filter").click()
    page.get_by_label("Value").fill("openai")
    page.get_by_role("button", name="Apply").last.click()
    page.get_by_text("UTC", exact=True).first.click()
    page.get_by_role("button", name="Asia/Taipei").click()
    visitor.wait()
    shown, address = page.locator(".figure").all_inner_texts(), page.url
    page.goto(address)
    visitor.wait()

    assert {"range=7d", "group=model", "service=openai", "tz=Asia%2FTaipei"} == set(
        address.partition("?")[2].split("&")
    )
    assert page.locator(".figure").all_inner_texts() == shown
    assert any("timezone=Asia%2FTaipei" in each and "service=openai" in each for each in visitor.asked)
    expect(page.get_by_text("Not narrowed by: Service")).to_have_count(1)  # budgets have subjects of their own
    page.get_by_role("button", name="Remove the filter Service: openai").click()
    expect(page.locator(".chip")).to_have_count(0)


def test_the_keyboard_reaches_everything(site: Site, visitor: Visitor) -> None:
    """Tab finds the skip link first; arrow keys read the chart bar by bar; Enter opens the hours of a day."""
    page = visitor.go("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    chart = page.get_by_role("slider")
    chart.focus()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".chart-tip")).to_be_visible()
    day = (site.month.now - timedelta(days=1)).astimezone(UTC)

    assert outline != "none"
    expect(chart).to_have_attribute("aria-valuetext", re.compile(f"^{day:%a}"))
    page.keyboard.press("Enter")
    visitor.wait()
    assert f"from={day:%Y-%m-%d}&to={day:%Y-%m-%d}" in page.url
    assert "interval=hour" in page.url


def test_silence_is_unknown_and_not_zero(visitor: Visitor) -> None:
    """A day on which nothing arrived says so, in words too; with a filter it is simply no spend."""
    page = visitor.go("/")
    chart = page.get_by_role("slider")
    chart.focus()
    page.keyboard.press("End")
    for _ in range(SILENT_DAY):
        page.keyboard.press("ArrowLeft")

    expect(chart).to_have_attribute("aria-valuetext", re.compile("nothing arrived: unknown, not zero$"))
    page = visitor.go("/?userId=ada")
    assert page.locator(".legend-note").count() == 0


def test_everything_exists_in_chinese(visitor: Visitor) -> None:
    """The language switch turns every label of the first screen, and advice comes in that language too."""
    page = visitor.go("/")
    page.get_by_label("Language").select_option("zh-TW")
    expect(page.locator("h1")).to_contain_text("支出")
    words = page.locator("body").inner_text()
    page.goto(f"{visitor.url}/recommendations")
    visitor.wait()
    advice = page.locator(".advice p").first.inner_text()
    violations = visitor.violations()

    assert not [line for line in words.splitlines() if line in {"Overview", "Spend over time", "Budgets", "Latency"}]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in advice)
    assert violations == ""


def test_reports_can_be_kept(site: Site, visitor: Visitor, tmp_path: Path) -> None:
    """The export of a panel is the report's own CSV."""
    page = visitor.go("/")
    page.locator("summary[aria-label='Export: Largest changes']").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").locator("visible=true").click()
    kept = tmp_path / "movers.csv"
    waiting.value.save_as(kept)
    with kept.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert waiting.value.suggested_filename == "largest-changes.csv"
    assert {row["name"] for row in rows} == {
        str(row["name"]) for row in site.ask(_asked(visitor, _MOVERS, "groupBy=service"))
    }


def test_the_theme_is_kept(visitor: Visitor) -> None:
    """A chosen theme outlives the page, whatever the system prefers."""
    page = visitor.go("/settings", theme="light")
    page.get_by_label("Appearance").select_option("dark")
    page.reload()
    visitor.wait()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert dark == "rgb(12, 16, 23)"


def test_sums_keep_every_digit(visitor: Visitor) -> None:
    """Amounts of any length are read, added up and written without losing a digit."""
    page = visitor.go("/prices")
    amounts = ["0.1", "0.2", "123456789012345678.000000000001", "-0.000000000003", "7", "12345678901234567890"]
    script = """async ([base, text]) => {
        const { parseExact, exactSum } = await import(`${base}/decimal.js`);
        const values = parseExact(text);
        return [String(exactSum(values)), values.map(String)];
    }"""
    found, read = page.evaluate(script, [_base(page), f"[{', '.join(amounts)}]"])

    assert read == amounts
    with exact_arithmetic():
        assert Decimal(found) == sum(Decimal(amount) for amount in amounts)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Taipei", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"])
def test_days_begin_where_the_zone_says(visitor: Visitor, zone: str) -> None:
    """The first instants of days are those of the zone's calendar, over changes of its clocks too."""
    page = visitor.go("/prices")
    script = """async ([base, zone, moments]) => {
        const { dayOf, startOfDay } = await import(`${base}/zone.js`);
        return moments.map((moment) => startOfDay(dayOf(moment, zone), zone));
    }"""
    moments = [datetime(2026, month, day, 13, 30, tzinfo=UTC) for month in range(1, 13) for day in (1, 8, 25, 28)]
    local = [moment.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0) for moment in moments]
    found = page.evaluate(script, [_base(page), zone, [moment.timestamp() * 1000 for moment in moments]])

    assert found == [midnight.timestamp() * 1000 for midnight in local]


def _base(page: Page) -> str:
    """Where the dashboard's modules are."""
    return str(page.locator("script[type=module]").get_attribute("src")).removesuffix("/main.js")


def test_what_is_out_of_sight_is_not_asked_for(visitor: Visitor) -> None:
    """The first screen asks one question for each of its figures; panels below ask when they come into view, once."""
    page = visitor.page
    visitor.look((1440, 500), "light")
    page.goto(visitor.url)
    expect(page.locator(".tile .skeleton")).to_have_count(0)
    first = [each.partition("?")[0] for each in visitor.asked]
    visitor.wait()
    page.evaluate("scrollTo(0, 0)")
    visitor.wait()
    later = [each.partition("?")[0] for each in visitor.asked[len(first) :]]

    below = {"/api/analytics/performance/latency", "/api/analytics/usage"}
    assert below.isdisjoint(first)
    assert below <= set(later)
    questions = [each for each in visitor.asked if "/api/alerts" not in each and "/api/freshness" not in each]
    assert len(questions) == len(set(questions))


def test_a_filter_that_nothing_matches_says_so(visitor: Visitor) -> None:
    """The sentence on top comes to an end, and every panel of costs is empty."""
    page = visitor.go("/?model=nobodys")

    expect(page.locator(".lead")).to_contain_text("No cost was recorded")
    assert page.locator(".tile .figure").all_inner_texts() == ["$0.00", "$0.00", "0", "$0.00", "0%"]
    expect(page.get_by_text("Not narrowed by")).to_have_count(2)  # budgets, and alerts, which name no model
    expect(page.locator("main td")).to_have_count(0)
