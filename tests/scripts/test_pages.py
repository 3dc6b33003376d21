"""Our pages in a browser: accessible to all, and nothing overlaps or runs out of the window."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kumosan.datasets.write import write_mask, write_tile
from kumosan.scripts.main import app
from kumosan.synthesis.demo import demo_pair

WIDTHS_PX = (1280, 390)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll("h1,h2,h3,h4,p,figure,.scroll,dl,summary,nav a")]
    .map(e => [e, e.getBoundingClientRect()]).filter(([, b]) => b.width && b.height);
  const found = [];
  for (const [a, p] of boxes) for (const [b, q] of boxes)
    if (a !== b && !a.contains(b) && !b.contains(a)
        && Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1
        && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1)
      found.push(`${a.outerHTML.slice(0, 60)} | ${b.outerHTML.slice(0, 60)}`);
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    """Chromium: the one of this machine, else the one that Playwright brings."""
    pytest.importorskip("axe_playwright_python", reason="the extra test is not installed")
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as driver:
        try:
            opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium on this machine: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """The page of a comparison with as much in it as a quick one can have."""
    folder = tmp_path_factory.mktemp("pages")
    pair = demo_pair(seed=3, shape=(96, 96))
    write_tile(folder / "scene.tif", pair.cloudy)
    write_tile(folder / "clear.tif", pair.clear)
    write_mask(folder / "truth.tif", pair.mask)
    words = ["compare", folder / "scene.tif", "--truth", folder / "clear.tif", "-o", folder / "out"]
    words += ["--truth", folder / "truth.tif", "--reference", folder / "clear.tif"]
    for name in ("hot", "ltk", "scl"):
        words += ["--detector", name]
    for name in ("idw", "telea", "temporal"):
        words += ["--filler", name]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return folder / "out" / "report.html"


@pytest.fixture(scope="module")
def cleaned(report) -> Path:
    """The page of a cleaned scene, with the card of a network."""
    folder = report.parents[1]
    words = ["clean", folder / "scene.tif", "-o", folder / "cleaned", "--detector", "unet"]
    done = CliRunner().invoke(app, [*map(str, words), "--filler", "idw"])
    assert done.exit_code == 0, done.output
    return folder / "cleaned" / "report.html"


@pytest.mark.parametrize("kind", ["report", "cleaned"])
@pytest.mark.parametrize("width", WIDTHS_PX)
def test_a_page_is_accessible_and_does_not_overlap(browser, request, kind, width):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(request.getfixturevalue(kind).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response
    told = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"]]
    assert found["passes"] and not told
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERLAPS) == []
    page.close()


def test_a_click_shows_the_spectra_of_a_pixel(browser, report):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(report.as_uri())
    page.locator(".pick").click(position={"x": 5, "y": 5})
    told = page.locator("#click figcaption").inner_text()
    assert told.startswith("Column 2, row 2: observed, truth")
    assert page.locator("#click svg polyline").count() == 5
    page.get_by_role("slider", name="Column").press("ArrowRight")
    assert page.locator("#click figcaption").inner_text().startswith("Column 6, row 2")
    page.close()


def test_the_slider_draws_the_filled_scene_over_the_scene(browser, cleaned):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(cleaned.as_uri())
    slider, over = page.get_by_role("slider"), page.locator("#swipe .over")
    for key, inset in (("Home", "100%"), ("End", "0%")):
        slider.press(key)
        assert inset in over.evaluate("e => e.style.clipPath")
    page.close()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(cleaned.as_uri())
    assert not page.locator("#swipe").is_visible()
    assert page.locator(".panels img:visible").count() == 4
    page.context.close()


def test_without_scripts_nothing_is_missing(browser, report):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert not page.locator("#click").is_visible()
    assert page.locator("#spectra .charts > figure:visible").count() == 5
    page.context.close()


def test_the_check_sees_a_bad_page(browser):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page()
    page.set_content('<p style="color:#bbb">pale</p><img src="data:,"><h1>late</h1>')
    page.evaluate("document.querySelector('h1').style = 'position:absolute;top:0;left:0'")
    ids = {v["id"] for v in Axe().run(page).response["violations"]}
    assert {"color-contrast", "image-alt"} <= ids
    assert page.evaluate(OVERLAPS)
    page.close()
