"""The floors of the house: what may import what.

Rules: imports point down only and make no circle, wherever they are written: in a function, under
TYPE_CHECKING, or as importlib.import_module(".x", __package__). The endpoint stands alone, on the standard
library; `rproxy` knows nothing of it but the protocol. Other people's packages have one place each.
"""

import ast
import functools
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest

from .conftest import REPOSITORY

pytestmark = pytest.mark.once

#: Lowest first; a module belongs to the first floor that names it.
FLOORS = [
    ["rproxy.errors", "rproxy.interrupts", "rproxy.log"],
    ["rproxy.scanning"],
    ["rproxy.joining"],
    ["rproxy.tracing"],
    ["rproxy.operations"],
    ["rproxy.trust", "rproxy.names"],
    ["rproxy.connectors.shell", "rproxy.connectors.awake"],
    ["rproxy.connectors.places", "rproxy.connectors.reports"],
    ["rproxy.connectors.base"],
    ["rproxy.connectors.sentinel", "rproxy.connectors.web", "rproxy.connectors.sfapi_key"],
    ["rproxy.connectors.rest"],
    ["rproxy.connectors", "rproxy.connectors.*"],
    ["rproxy.deployment", "rproxy.deployment.*"],
    ["rproxy.channels", "rproxy.channels.*"],
    [
        "rproxy.batches",
        "rproxy.blocks",
        "rproxy.output",
        "rproxy.code",
        "rproxy.code.*",
        "rproxy.proxies",
        "rproxy.proxies.*",
    ],
    ["rproxy.marking", "rproxy.telling"],
    ["rproxy.lending", "rproxy.staying", "rproxy.substitution", "rproxy.substitutes", "rproxy.rebinding"],
    ["rproxy.side"],
    ["rproxy.rejoining"],
    ["rproxy.session"],
    ["rproxy.display"],
    ["rproxy.progress"],
    ["rproxy.repositories"],
    ["rproxy.hosts", "rproxy.packages", "rproxy.transfers"],
    ["rproxy.host"],
    ["rproxy.futures"],
    ["rproxy.mapping"],
    ["rproxy.asking"],
    ["rproxy.awaited"],
    ["rproxy.awaiting"],
    ["rproxy.targets"],
    ["rproxy.preparing"],
    ["rproxy.client"],
    ["rproxy.aio"],
    ["rproxy.doctor"],
    ["rproxy.sremote", "rproxy.sremote.*"],
    ["rproxy.contract", "rproxy.contract.*", "rproxy.testing", "rproxy.cli", "rproxy", "rproxy.__main__"],
]
#: The highest floor that a module may see, where that is less than its own.
CEILINGS = {"rproxy.targets": "rproxy.connectors"}

PACKAGES = {"paramiko", "requests", "jwt", "cloudpickle", "click", "rich", "wrapt"}
#: Those that one file is too small for.
PACKAGE_FOLDERS = {"paramiko": "rproxy.connectors.paramiko"}
TABLES = {"numpy", "pandas", "polars", "pyarrow"}
PROTOCOL = "rproxy_endpoint.protocol"
NOT_IN_PROTOCOL = {"os", "socket", "threading", "subprocess"}


class Module(NamedTuple):
    """A source file: whether it is a package's own, and its text."""

    is_package: bool
    text: str


@functools.cache
def read_house() -> dict[str, Module]:
    """Every module of both packages; the scripts that run on bare hosts are told apart by their folder."""
    found = {}
    for root, package in ((REPOSITORY, "rproxy"), (REPOSITORY / "endpoint", "rproxy_endpoint")):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found[name] = Module(is_package, path.read_text("utf-8"))
    return found


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def is_script(name: str) -> bool:
    return is_within(name, "rproxy.deployment.remote")


# -- what a module imports -----------------------------------------------------------------------------


def imports_of(name: str, house: dict[str, Module]) -> set[str]:
    """The full names of the modules that a module imports anywhere."""
    module = house[name]
    package = name if module.is_package else name.rpartition(".")[0]
    found: set[str] = set()
    for node in importing(module.text):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), package)
            for alias in node.names:  # a submodule, or a name of the module
                submodule = f"{base}.{alias.name}"
                found.add(submodule if submodule in house else base)
        elif isinstance(node, ast.Call):
            found.update(absolute(literal, package) for literal in import_calls(node))
    return found


@functools.cache
def importing(text: str) -> list[ast.AST]:
    """What may import something in a source."""
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]


def import_calls(node: ast.Call) -> Iterator[str]:
    """The literal name in importlib.import_module("...") and __import__("...")."""
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if function in ("import_module", "__import__") and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")]).rstrip(".")


# -- what is wrong -------------------------------------------------------------------------------------


def offences(house: dict[str, Module]) -> list[str]:
    """Every import that breaks a rule, in words."""
    imports = {name: imports_of(name, house) for name in house}
    found = []
    for name, targets in imports.items():
        check = of_endpoint if is_within(name, "rproxy_endpoint") else of_script if is_script(name) else of_rproxy
        found += [f"{name} imports {target}: {why}" for target in sorted(targets) for why in check(name, target)]
    return found + circles(imports) + scattered(imports)


def floor_of(name: str) -> int:
    for number, patterns in enumerate(FLOORS):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return number
    raise LookupError(f"{name} has no floor: give it one in FLOORS")


def of_rproxy(name: str, target: str) -> Iterator[str]:
    if is_within(target, "rproxy_endpoint"):
        if not is_within(target, PROTOCOL):
            yield "of the endpoint, only the protocol is shared"
    elif is_within(target, "rproxy"):
        ceiling = CEILINGS.get(name, name)
        if floor_of(target) > floor_of(ceiling):
            yield f"imports point down only, here to the floor of {ceiling} and what is below"
    elif target.partition(".")[0] not in sys.stdlib_module_names | PACKAGES:
        yield "not among the packages that rproxy depends on"


def of_endpoint(name: str, target: str) -> Iterator[str]:
    top = target.partition(".")[0]
    if top == "rproxy":
        yield "the endpoint never imports rproxy"
    elif top == "rproxy_endpoint":
        if is_within(name, PROTOCOL) and not is_within(target, PROTOCOL):
            yield "the protocol knows nothing of the rest of the endpoint"
    elif top not in sys.stdlib_module_names:
        tabular = is_within(name, PROTOCOL) and (name.endswith((".arrays", "_tables")))
        if not (tabular and top in TABLES):
            yield "the endpoint has the standard library only"
    elif is_within(name, PROTOCOL) and top in NOT_IN_PROTOCOL:
        yield "the protocol does no IO"


def of_script(name: str, target: str) -> Iterator[str]:
    top = target.partition(".")[0]
    if top not in sys.stdlib_module_names and top != "rproxy_endpoint":
        yield "it runs on hosts that have only Python and the endpoint"


def circles(imports: dict[str, set[str]]) -> list[str]:
    graph = {name: targets & imports.keys() for name, targets in imports.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return ["a circle: " + " <- ".join(error.args[1])]
    return []


def scattered(imports: dict[str, set[str]]) -> list[str]:
    """Packages of other people that more than one file, or the files of more than one folder, import."""
    found = []
    for package in sorted(PACKAGES):
        users = [name for name, targets in imports.items() if any(is_within(target, package) for target in targets)]
        folder = PACKAGE_FOLDERS.get(package)
        if len(users) > 1 and not (folder and all(is_within(user, folder) for user in users)):
            found.append(f"{package} is imported in {', '.join(users)}: one file only")
    return found


# -- the tests -----------------------------------------------------------------------------------------


def test_the_house_keeps_its_floors():
    assert offences(read_house()) == []


OFFENDERS = [
    ("rproxy.errors", "from .names import check_name", "imports point down only"),
    ("rproxy.connectors.local", "from ..deployment import bundle", "imports point down only"),
    ("rproxy.connectors.base", "from . import local", "imports point down only"),
    ("rproxy.blocks", "def f():\n    from .session import Session", "imports point down only"),
    ("rproxy.blocks", "if TYPE_CHECKING:\n    from .client import RemoteClient", "imports point down only"),
    ("rproxy.blocks", "import_module('.session', __package__)", "imports point down only"),
    ("rproxy.channels.base", "importlib.import_module('..client', __package__)", "imports point down only"),
    ("rproxy.channels.base", "import rproxy.client", "imports point down only"),
    ("rproxy.targets", "from .session import Session", "here to the floor of rproxy.connectors"),
    ("rproxy.channels.base", "from .stream import StreamChannel", "a circle"),
    ("rproxy.client", "from rproxy_endpoint import execute", "only the protocol is shared"),
    ("rproxy.client", "import numpy", "not among the packages"),
    ("rproxy.client", "def f():\n    import cloudpickle", "one file only"),
    ("rproxy_endpoint.execute", "from rproxy.errors import RProxyError", "never imports rproxy"),
    ("rproxy_endpoint.execute", "import numpy", "standard library only"),
    ("rproxy_endpoint.protocol.arrays", "import scipy", "standard library only"),
    ("rproxy_endpoint.protocol.frames", "import numpy", "standard library only"),
    ("rproxy_endpoint.protocol.frames", "from os import path", "does no IO"),
    ("rproxy_endpoint.protocol.peer", "def f():\n    import threading", "does no IO"),
    ("rproxy_endpoint.protocol.peer", "from .. import output", "nothing of the rest of the endpoint"),
    ("rproxy_endpoint.output", "from . import serve", "a circle"),
    ("rproxy.deployment.remote.start", "import rproxy", "only Python and the endpoint"),
]


@pytest.mark.parametrize(("name", "source", "why"), OFFENDERS)
def test_an_offending_import_is_found(name, source, why):
    house = read_house()
    house = {**house, name: house[name]._replace(text=house[name].text + "\n" + source)}
    found = set(offences(house)) - set(offences(read_house()))
    assert [offence for offence in found if why in offence]


def test_a_module_without_a_floor_is_found():
    house = {**read_house(), "rproxy.utils": Module(False, "")}
    house["rproxy.client"] = house["rproxy.client"]._replace(text="from . import utils")
    with pytest.raises(LookupError, match=r"rproxy\.utils has no floor"):
        offences(house)


@pytest.mark.parametrize("module", ["rproxy", "rproxy.client"])
def test_importing_loads_no_package_of_others_but_wrapt(module):
    code = f"import sys, {module}; print(*sorted({PACKAGES | TABLES!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) <= {"wrapt"}


def test_importing_rproxy_loads_nothing_but_its_own_first_file():
    code = "import sys; before = set(sys.modules); import rproxy; print(*sorted(sys.modules.keys() - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["rproxy"]


def test_a_client_of_plain_calls_loads_no_package_of_others_but_wrapt():
    code = (
        "import sys, rproxy\n"
        "with rproxy.connect() as client: assert client.module('os').path.join('a', 'b') == 'a/b'\n"
        f"print(*sorted({PACKAGES | TABLES!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) <= {"wrapt"}


def test_connecting_loads_nothing_slow_before_the_far_side_has_begun_to_start():
    slow = {"asyncio", "concurrent", "inspect", "ast", "logging", "importlib.metadata", "importlib.resources"}
    code = (
        "import sys, rproxy.client, rproxy.channels.stream, rproxy.connectors.openssh\n"
        "from rproxy.deployment.bundle import bundle\n"
        f"bundle(); print(*sorted({slow | PACKAGES!r} & sys.modules.keys()))"
    )
    for _ in range(2):  # the first may be the one that makes the endpoint's archives
        done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
