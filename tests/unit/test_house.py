"""The rules of the house, read from the source itself: who imports whom, who prints, who exits, what a start costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "streamclf"

BANDS = (
    ("base", "errors wording child machine frame prediction"),
    ("seams", "source engine sink stats turns channel"),
    ("pure", "vision proof thinning"),
    ("networks", "catalogue exporter"),
    ("kinds", "sources engines sinks exporters"),
    (
        "parts",
        "interpreter loading race classifier capture answers pipeline config report stages trial_clip findings verify equality",
    ),
    ("assembly", "inputs outputs own_network exporting benching app __init__"),
    ("command line", "cli __main__"),
    ("for tests", "testing"),
)
BAND_OF = {room: number for number, (_, rooms) in enumerate(BANDS) for room in rooms.split()}
KINDS = ("sources", "engines", "sinks", "exporters")
SHARED = {"streamclf.sources.address"}
"""No kind of source, but what an address is; imported where no decoder may be."""
CV2_ROOMS = ("vision/", "sources/", "engines/opencv_dnn.py", "engines/_opencv_net.py", "sinks/")
LIGHT = [
    "errors",
    "frame",
    "prediction",
    "source",
    "engine",
    "sink",
    "channel",
    "stats",
    "config",
    "inputs",
    "report",
    "app",
    "cli",
]

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
TREES = {module: ast.parse((PACKAGE / module).read_text(encoding="utf-8")) for module in MODULES}


def room(dotted: str) -> str:
    """``streamclf.vision.draw`` is in ``vision``, ``streamclf.app`` in ``app``, ``streamclf`` itself in ``__init__``."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in BAND_OF else "__init__"


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module imported anywhere in ``tree``, also inside functions and for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:  # ``from streamclf import app`` imports a module
                inner = f"{node.module}.{alias.name}".replace(".", "/")
                is_module = (PACKAGE.parent / f"{inner}.py").exists() or (PACKAGE.parent / inner).is_dir()
                yield f"{node.module}.{alias.name}" if is_module else str(node.module)


def own(module: str) -> str:
    return "streamclf." + module.removesuffix(".py").replace("/", ".")


def test_every_module_has_a_room():
    """A new file belongs into one of the bands of ARCHITECTURE.md, and into the list above."""
    assert {module.split("/")[0].removesuffix(".py") for module in MODULES} <= BAND_OF.keys()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_the_bands_above_its_own(module):
    band = BAND_OF[module.split("/")[0].removesuffix(".py")]
    for name in imports(TREES[module]):
        if name.split(".")[0] == "streamclf":
            assert BAND_OF[room(name)] <= band, f"{module} reaches down to {name}"


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith(KINDS)])
def test_kinds_never_import_each_other(module):
    folder = own(module).rsplit(".", 1)[0]
    for name in imports(TREES[module]):
        if name.startswith(tuple(f"streamclf.{kind}" for kind in KINDS)):
            private = name.startswith(f"{folder}._")
            assert private or name in SHARED, f"{module} imports {name}; share a private _module of the folder instead"


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("cli/")])
def test_nothing_but_its_entry_knows_the_command_line(module):
    if module != "__main__.py":
        assert not any(name.startswith("streamclf.cli") for name in imports(TREES[module]))


@pytest.mark.parametrize("module", [module for module in MODULES if module != "testing.py"])
def test_nothing_that_ships_depends_on_the_doubles(module):
    assert "streamclf.testing" not in imports(TREES[module])


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(CV2_ROOMS)])
def test_opencv_stays_in_its_rooms(module):
    assert not any(name.split(".")[0] == "cv2" for name in imports(TREES[module]))


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("cli/")])
def test_only_the_command_line_prints_and_exits(module):
    for node in ast.walk(TREES[module]):
        if module == "__main__.py":
            continue
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("print", "exit", "quit", "sys.exit", "os._exit"), (
                f"{module}:{node.lineno}"
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.unparse(node.exc), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_no_error_is_swallowed_unnamed_and_nothing_sleeps(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{module}:{node.lineno}: a bare except"
            swallows = all(isinstance(line, ast.Pass) for line in node.body)
            broad = ast.unparse(node.type) in ("Exception", "BaseException")
            assert not (swallows and broad), f"{module}:{node.lineno}: {ast.unparse(node.type)}: pass"
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("time.sleep", "sleep"), f"{module}:{node.lineno}: wait on a condition"


@pytest.mark.parametrize("module", LIGHT)
def test_a_start_costs_no_heavy_import(module):
    check = f"import sys, streamclf.{module}; print([m for m in ('numpy', 'cv2', 'av') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr
