"""Every page in a real browser: valid HTML, no error, no request, nothing wider than a phone, accessible.

Needs Node.js with the packages of tests/pages (`make pages`) and Chromium; skipped where they are not.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import test_reproduction
from tests.conftest import PROJECT, run_command

CHECK = PROJECT / "tests" / "pages" / "check.mjs"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and CHROMIUM and (CHECK.parent / "node_modules").is_dir()),
    reason="needs Chromium, Node.js and `make pages`",
)


def problems(*pages: Path) -> list[str]:
    done = subprocess.run(
        ["node", str(CHECK), str(CHROMIUM), *map(str, pages)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == bool(done.stdout.strip()), done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    """Runs that completed, one that diverged, and their sweep's page."""
    folder = tmp_path_factory.mktemp("pages")
    arguments = ["trainer.epochs=4", "optimizer.learning_rate=0.1,1e4", "seed=1,2", f"hydra.sweep.dir='{folder}/sweep'"]
    assert run_command(folder, "runner.py", "-m", *arguments).status == 1  # two diverge
    return folder / "sweep"


def test_all_pages_are_valid_and_accessible(sweep, tmp_path):
    comparison = tmp_path / "compare.html"
    done = run_command(
        tmp_path, "experiments", "compare", str(sweep / "0"), str(sweep / "1"), "--html", comparison.name
    )
    assert done.status == 0, done.err
    published = test_reproduction.run(tmp_path / "<published>", learning_rate=1.0)
    assert run_command(tmp_path, "experiments", "report", str(published)).status == 0
    pages = [sweep / "0" / "report.html", sweep / "2" / "report.html", sweep / "sweep.html", comparison]
    assert problems(*pages, published / "report.html") == []


def test_a_bad_page_does_not_pass(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><html><head><title>Bad</title></head><body><h1>Bad</h1><p>A<p style='color:#aaa'>grey</p>"
        "<img src='http://127.0.0.1:9/x.png'><div style='width:2000px'>wide</div>"
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' width='1900' height='9'></body></html>"
    )
    found = "\n".join(problems(page))
    for expected in (
        "html-has-lang",
        "color-contrast",
        "image-alt",
        "request: http",
        "2008 px wide",
        "1 figure(s) wider",
    ):
        assert expected in found
    assert "bad.html, line 1: " in found  # the validator's, each with its line
