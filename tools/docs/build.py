"""Builds the documentation into a static site: python -m tools.docs.build FOLDER.

English pages are `docs/*.md`, Chinese ones `docs/zh/*.md`. Each language is built strictly as a site of its own, the
Chinese one into the folder `zh` of the English one. Then every link and anchor of the result is checked.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tools.docs import links, references
from tools.docs.references import DOCS

_SITE = Path(__file__).with_name("site.toml")
_ALTERNATES = {"en": ("index.html", "zh/index.html"), "zh": ("../index.html", "index.html")}


def _toml(value: Any) -> str:
    """Write a value as TOML, mappings inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _config(language: str) -> str:
    """Return the generator's configuration for one language."""
    known = tomllib.loads(_SITE.read_text(encoding="utf-8"))
    project: dict[str, Any] = copy.deepcopy(known["project"])
    for alternate, link in zip(project["extra"]["alternate"], _ALTERNATES[language], strict=True):
        alternate["link"] = link
    project["theme"]["language"] = language
    project["site_description"] = known[language]["description"]
    project |= {"docs_dir": "docs", "site_dir": "site", "nav": known[language]["nav"]}
    return "[project]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in project.items()) + "\n"


def _stage(language: str, folder: Path) -> None:
    """Copy the pages of one language; pages of the other one are linked as the HTML that they become."""
    source = DOCS / "zh" if language == "zh" else DOCS
    for place in sorted(source.rglob("*")):
        name = place.relative_to(source)
        if place.is_dir() or (language == "en" and name.parts[0] == "zh"):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".md":
            target.write_text(links.to_html(place.read_text(encoding="utf-8"), name, language), encoding="utf-8")
        else:
            shutil.copyfile(place, target)
    if language == "zh":
        shutil.copytree(DOCS / "assets", folder / "assets")


def build(target: Path) -> None:
    """Build the whole site into `target`, which is replaced once all is well.

    Raises:
        SystemExit: a reference is out of date, the generator warns, or a link leads nowhere.

    """
    if old := references.stale():
        sys.exit(f"out of date: {', '.join(old)}; run make references")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "site"
        for language, into in (("en", made), ("zh", made / "zh")):
            work = Path(folder) / language
            _stage(language, work / "docs")
            (work / "zensical.toml").write_text(_config(language), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=work, check=False
            )
            if done.returncode:
                sys.exit(f"the {language} pages cannot be built")
            shutil.copytree(work / "site", into)
        if broken := links.broken(made):
            sys.exit("\n".join(("links that lead nowhere:", *broken)))
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(made, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def main() -> None:
    """Build into the folder that is named."""
    parser = argparse.ArgumentParser(description="Build the documentation into a static site.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    build(folder)
    print(f"built: {folder}/index.html")


if __name__ == "__main__":
    main()
