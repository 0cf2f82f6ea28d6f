"""The visitors' numbers: counted in the page's memory, shown in a dialog, taken away as CSV."""

from __future__ import annotations

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import FloatRect, Locator, Page, expect

from .kiosks import NOBODY, SOMEBODY, Kiosk, until

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
NOON = datetime(2026, 5, 1, 12, 5, tzinfo=UTC)
ADD = """(visits) => {
  const now = performance.now();
  for (const { ago, seconds, frames, years, value } of visits) {
    const since = now - 1000 * (ago + seconds);
    faceattr.stats.add({ value, years, frames, since, seen: since + 1000 * seconds });
  }
}"""
EVERY_AGE = (0, 12.4, 12.5, 19.4, 19.5, 39.4, 39.5, 59.4, 59.5, 100)
"""The first and last of each age group, youngest first."""


def visit(ago: float = 0, seconds: float = 10, years: float = 30, value: str = "Female", frames: float = 30) -> Any:
    """A track that ended `ago` seconds before now."""
    return {"ago": ago, "seconds": seconds, "years": years, "value": value, "frames": frames}


def add(page: Page, *visits: Any) -> None:
    page.evaluate(ADD, visits)


def summary(page: Page) -> Any:
    return page.evaluate("faceattr.stats.summary()")


def table(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.evaluate("faceattr.stats.csv()"), newline=""), strict=True))


def where(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box
    return box


def crowd(count: int, seed: int, hours: int = 5) -> list[Any]:
    dice = random.Random(seed)
    return [
        visit(
            ago=3600 * dice.randrange(hours),
            seconds=dice.uniform(1, 90),
            years=dice.uniform(0, 90),
            value=dice.choice(("Female", "Male", "Male")),
        )
        for _ in range(count)
    ]


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page in Delhi, where the hour begins at half past; it is five past five there."""
    page = open_page(timezone_id="Asia/Kolkata")
    page.clock.set_fixed_time(NOON - timedelta(minutes=30))
    return page


def test_visitors_are_counted_by_hour_age_and_gender(page: Page) -> None:
    add(page, *(visit(years=years, value="Male") for years in EVERY_AGE))
    add(page, visit(ago=3600, seconds=40), visit(ago=3600, seconds=20), visit(ago=5 * 3600, seconds=6))
    found = summary(page)
    assert found["visitors"] == 13
    assert found["meanSeconds"] == pytest.approx((10 * 10 + 40 + 20 + 6) / 13, abs=0.01)
    assert found["groups"] == [[0, 2], [0, 2], [3, 2], [0, 2], [0, 2]]
    assert [hour["visitors"] for hour in found["hours"]] == [1, 2, 10]
    assert [hour["meanSeconds"] for hour in found["hours"]] == pytest.approx([6, 30, 10], abs=0.01)
    starts = [datetime.fromtimestamp(hour["start"] / 1000, UTC) for hour in found["hours"]]
    assert starts == [datetime(2026, 5, 1, hour, 30, tzinfo=UTC) for hour in (6, 10, 11)]


def test_flicker_is_no_visitor(page: Page) -> None:
    add(page, visit(seconds=1.01, frames=3))
    add(page, visit(seconds=0.95), visit(frames=2), visit(seconds=-5), visit(years=-1), visit(value="Unknown"))
    page.evaluate("faceattr.stats.add({ value: 'Male', years: NaN, frames: 9, since: 0, seen: 9000 })")
    assert summary(page)["visitors"] == 1


def test_who_leaves_the_live_view_is_counted(open_page: OpenPage, address: str) -> None:
    kiosk = Kiosk(open_page(), address)
    kiosk.answer = SOMEBODY
    page = kiosk.open()
    page.evaluate(
        """() => faceattr.live.onTracks((tracks) => {
          window.stayed ||= tracks.some(({ frames, since, seen }) => frames >= 3 && seen - since >= 1000);
        })"""
    )
    page.locator("#go-live").click()
    until(page, "window.stayed", seconds=30)
    assert summary(page)["visitors"] == 0
    kiosk.answer = NOBODY
    until(page, "faceattr.stats.summary().visitors === 1", seconds=30)
    assert summary(page)["groups"][2] == [1, 0]


def test_a_visitor_counts_in_the_hour_of_coming(page: Page) -> None:
    add(page, visit(seconds=2 * 3600))
    (hour,) = summary(page)["hours"]
    assert datetime.fromtimestamp(hour["start"] / 1000, UTC).hour == 9
    assert hour["meanSeconds"] == pytest.approx(7200, abs=0.01)


def test_hours_older_than_two_days_are_forgotten(page: Page) -> None:
    add(page, visit())
    for hours, left in ((47, 1), (47.9, 1), (48, 0)):
        page.clock.set_fixed_time(NOON.replace(hour=11, minute=30) + timedelta(hours=hours))
        assert summary(page)["visitors"] == left, hours
    add(page, visit(ago=60 * 3600))
    assert summary(page)["visitors"] == 0


def test_memory_holds_48_hours_however_long_the_page_is_open(page: Page) -> None:
    for hour in range(0, 240, 8):
        page.clock.set_fixed_time(NOON + timedelta(hours=hour))
        add(page, *(visit(ago=3600 * ago, years=years) for ago in range(8) for years in EVERY_AGE))
    found = summary(page)
    assert len(found["hours"]) == 48
    assert found["visitors"] == 480
    assert len(table(page)) == 48 * 10


def test_a_clock_that_is_set_leaves_no_false_hours(page: Page) -> None:
    page.clock.set_fixed_time(NOON.replace(year=2038))
    add(page, visit())
    page.clock.set_fixed_time(NOON)
    add(page, visit())
    assert [row["hour"][:4] for row in table(page) if row["visitors"] == "1"] == ["2026"]


def test_the_hour_that_comes_twice_is_two(open_page: OpenPage) -> None:
    page = open_page(timezone_id="Europe/Berlin")
    page.clock.set_fixed_time(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    add(page, visit(), visit(ago=3600), visit(ago=3600))
    counted = [(row["hour"], row["visitors"]) for row in table(page) if row["visitors"] != "0"]
    assert counted == [("2026-10-25T02:00:00+02:00", "2"), ("2026-10-25T02:00:00+01:00", "1")]


def test_table_has_a_row_for_each_hour_group_and_gender_and_adds_up(page: Page) -> None:
    add(page, *crowd(200, seed=1))
    text = page.evaluate("faceattr.stats.csv()")
    assert text.count("\r\n") == text.count("\n") == 1 + 5 * 10
    rows, found = table(page), summary(page)
    assert list(rows[0]) == ["hour", "age_from", "age_to", "gender", "visitors", "hour_mean_presence_seconds"]
    assert len({(row["hour"], row["age_from"], row["gender"]) for row in rows}) == 50
    assert {(row["age_from"], row["age_to"]) for row in rows} == {
        ("0", "12"),
        ("13", "19"),
        ("20", "39"),
        ("40", "59"),
        ("60", ""),
    }
    assert all(re.fullmatch(r"2026-05-01T\d\d:00:00\+05:30", row["hour"]) for row in rows)
    by_hour: Counter[str] = Counter()
    for row in rows:
        by_hour[row["hour"]] += int(row["visitors"])
    assert [by_hour[hour] for hour in sorted(by_hour)] == [hour["visitors"] for hour in found["hours"]]
    assert sum(by_hour.values()) == 200
    stay = sum(by_hour[hour] * float({row["hour"]: row for row in rows}[hour][list(row)[-1]]) for hour in by_hour)
    assert stay / 200 == pytest.approx(found["meanSeconds"], abs=0.1)


def test_the_smallest_group_shown_stays_as_it_was_chosen(page: Page) -> None:
    add(page, *crowd(40, 1))
    page.evaluate("faceattr.stats.open()")
    page.locator("#stats-smallest").select_option("5")
    page.reload()
    add(page, visit())
    assert summary(page)["smallest"] == 5
    page.evaluate("faceattr.stats.open()")
    expect(page.locator("#stats-smallest")).to_have_value("5")


@pytest.mark.parametrize("smallest", [3, 10])
def test_small_groups_are_hidden_and_cannot_be_worked_out(page: Page, smallest: int) -> None:
    page.evaluate("faceattr.stats.open()")
    page.locator("#stats-smallest").select_option(str(smallest))
    for count in (1, 3, 30, 80, 300):
        page.evaluate("faceattr.stats.clear()")
        add(page, *crowd(count, seed=count))
        rows, found = table(page), summary(page)
        hidden = [row for row in rows if row["gender"] == ""]
        shown = [row for row in rows if row["gender"] and row["visitors"]]
        assert sum(int(row["visitors"]) for row in [*shown, *hidden]) == found["visitors"] == count
        assert all(int(row["visitors"]) in (0, *range(smallest, count + 1)) for row in shown)
        assert found["hidden"] == sum(int(row["visitors"]) for row in hidden)
        for row in hidden:
            others = [other["visitors"] for other in rows if other["hour"] == row["hour"] and other["gender"]]
            assert int(row["visitors"]) >= smallest or set(others) <= {"", "0"}
        for number, age in enumerate(("0", "13", "20", "40", "60")):
            for column, gender in enumerate(("Female", "Male")):
                known = [int(row["visitors"]) for row in shown if (row["age_from"], row["gender"]) == (age, gender)]
                assert (found["groups"][number][column] or 0) == sum(known)
        for hour in found["hours"]:
            assert (hour["meanSeconds"] is None) == (hour["visitors"] < smallest)


def test_nothing_is_stored(page: Page) -> None:
    add(page, *crowd(50, seed=6))
    page.evaluate("faceattr.stats.open()")
    with page.expect_download():
        page.get_by_role("button", name="Download CSV").click()
    stored = page.evaluate(
        """async () => [localStorage.length, sessionStorage.length, document.cookie, window.name,
          (await indexedDB.databases()).length, (await caches.keys()).length]"""
    )
    assert stored == [0, 0, "", "", 0, 0]
    page.reload()
    assert summary(page)["visitors"] == 0


def test_address_opens_the_dialog_and_keys_lead_through_it(page: Page, tmp_path: Path) -> None:
    page.evaluate("location.hash = 'stats'")
    dialog = page.get_by_role("dialog", name="Visitors")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading", name="Visitors", exact=True)).to_be_focused()
    expect(dialog.get_by_text("Nobody has been counted yet.")).to_be_visible()
    add(page, *crowd(40, seed=7))  # what comes in meanwhile is shown at once
    expect(dialog.locator("#stats-visitors")).to_have_text("40")
    for focused in ("summary", "#stats-smallest", "#stats-close", "#stats-download"):
        page.keyboard.press("Tab")
        expect(dialog.locator(focused)).to_be_focused()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "faceattr-visitors-2026-05-01T17.csv"
    download.value.save_as(tmp_path / "visitors.csv")
    assert (tmp_path / "visitors.csv").read_bytes().decode("ascii") == page.evaluate("faceattr.stats.csv()")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("stats$"))  # the address follows a moment later


def test_focus_returns_to_where_the_dialog_was_opened(page: Page) -> None:
    page.locator("#choose").focus()
    page.evaluate("faceattr.stats.open()")
    page.locator("#stats-close").press("Enter")
    expect(page.locator("#choose")).to_be_focused()


def test_numbers_are_cleared_only_when_confirmed(page: Page) -> None:
    add(page, visit())
    page.evaluate("faceattr.stats.open()")
    clear = page.locator("#stats-clear")
    sure = page.get_by_role("alertdialog", name="Clear all numbers?")
    for no in ("Escape", "Enter"):
        clear.press("Enter")
        expect(sure.get_by_role("button", name="Keep them")).to_be_focused()
        page.keyboard.press(no)
        expect(sure).to_be_hidden()
        expect(clear).to_be_focused()
    assert summary(page)["visitors"] == 1
    clear.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#stats-spoken")).to_have_text("All numbers have been cleared.")
    expect(page.locator("#stats-none")).to_be_visible()
    assert (summary(page)["visitors"], table(page)) == (0, [])


def test_bars_are_as_high_as_their_numbers(page: Page) -> None:
    add(page, *(visit(ago=3600 * ago, seconds=10 * (1 + ago)) for ago in range(4) for _ in range((5, 10, 20, 1)[ago])))
    page.evaluate("faceattr.stats.open()")
    bars = [where(bar) for bar in page.locator("#stats-hours .chart-bar").all()]
    assert [bar["height"] / bars[0]["height"] for bar in bars] == pytest.approx([1, 20, 10, 5], rel=0.02)
    assert len({round(bar["y"] + bar["height"]) for bar in bars}) == 1
    assert [bar["x"] for bar in bars] == sorted(bar["x"] for bar in bars)
    expect(page.locator("#stats-hours .chart-value")).to_have_text(["1", "20", "10", "5"])
    axis = where(page.locator("#stats-stay .chart-axis"))
    dots = [where(dot) for dot in page.locator("#stats-stay .chart-dot").all()]
    rises = [axis["y"] - dot["y"] - dot["height"] / 2 for dot in dots]
    assert [rise / rises[-1] for rise in rises] == pytest.approx([4, 3, 2, 1], rel=0.05)


def test_pyramid_grows_from_the_middle_to_both_sides(page: Page) -> None:
    add(page, *(visit(years=5) for _ in range(4)), *(visit(years=70, value="Male") for _ in range(8)), visit(years=70))
    page.evaluate("faceattr.stats.open()")
    old_women, old_men, girls = (where(bar) for bar in page.locator("#stats-groups .chart-bar").all())
    assert old_men["width"] / old_women["width"] == pytest.approx(8, rel=0.1)
    assert old_men["width"] / girls["width"] == pytest.approx(2, rel=0.05)
    assert old_women["x"] + old_women["width"] == pytest.approx(girls["x"] + girls["width"], abs=1)
    assert old_women["y"] == pytest.approx(old_men["y"], abs=1)
    assert old_women["y"] < girls["y"]


@pytest.mark.parametrize(
    ("locale", "names", "most", "largest"),
    [
        (
            "en-US",
            ("Visitors per hour", "Average stay per hour", "Visitors by age and gender"),
            "Most: 5, Fri 5:00 PM.",
            "Largest group: 5, Male, 60+.",
        ),
        (
            "zh-CN",
            ("每小时访客数", "每小时平均停留时间", "访客的年龄与性别"),
            "最高：周五17:00，5。",
            "最大的一组：男性 60+，5。",
        ),
    ],
)
def test_charts_have_names_descriptions_and_tables(
    open_page: OpenPage, locale: str, names: tuple[str, ...], most: str, largest: str
) -> None:
    page = open_page(locale=locale, timezone_id="Asia/Kolkata")
    page.clock.set_fixed_time(NOON - timedelta(minutes=30))
    add(page, *(visit(years=70, value="Male") for _ in range(5)), visit(ago=7200))
    page.evaluate("faceattr.stats.open()")
    images = [page.locator(f"#stats-{name} svg") for name in ("hours", "stay", "groups")]
    for image, name in zip(images, names, strict=True):
        expect(image).to_have_role("img")
        expect(image).to_have_accessible_name(name)
    expect(images[0]).to_have_accessible_description(most)
    expect(images[2]).to_have_accessible_description(largest)
    page.locator("#stats summary").click()
    expect(page.locator("#stats-hours-table tr")).to_have_count(2)
    expect(page.locator("#stats-groups-table tr").last).to_have_text("60+05")


def test_two_days_of_hours_fit_a_small_phone(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 320, "height": 568}, has_touch=True)
    add(page, *(visit(ago=3600 * ago, years=years) for ago in range(48) for years in EVERY_AGE))
    page.evaluate("faceattr.stats.open()")
    expect(page.locator("#stats-hours .chart-bar")).to_have_count(48)
    page.locator("#stats summary").click()
    assert page.evaluate("[stats.scrollWidth, document.documentElement.scrollWidth]") == [320, 320]
    for control in page.locator("#stats :is(button, summary, select):visible").all():
        size = where(control)
        assert min(size["width"], size["height"]) >= 44
    ticks = [where(tick) for tick in page.locator("#stats-hours .chart-tick").all()]
    assert len(ticks) >= 4
    for left, right in pairwise(ticks):
        assert left["x"] + left["width"] < right["x"]


def test_visitors_of_a_kiosk_find_no_way_to_the_numbers_by_the_address(open_page: OpenPage, address: str) -> None:
    page = open_page()
    page.goto(f"{address}?kiosk=1#stats")
    expect(page.locator("#stats")).to_be_hidden()
