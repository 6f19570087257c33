"""Runs an engine with a defect in each guarded place in turn; prints what the engine got, one JSON line a place.

Every module of ``spanledger`` is loaded with a call at the head of each guarded body. The call raises where the defect
is to be. Usage: ``python faults.py``; the first line is the engine without any defect.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.abc
import importlib.machinery
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import CodeType, ModuleType

PLACES: set[str] = set()
"""Sites of the modules that are loaded."""
BROKEN: list[str] = []
"""The site that has a defect now."""


class DefectError(Exception):
    """A defect of ours."""


def defect(site: str) -> None:
    """Raise if the site is broken."""
    if site in BROKEN:
        raise DefectError(site)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with the calls in it."""

    def source_to_code(self, data: bytes, path: str, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - bytes are all it gets
        """Compile the changed tree."""
        tree = _Breaking().visit(ast.parse(data))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True, optimize=_optimize)

    def get_code(self, fullname: str) -> CodeType:
        """Never from the cache."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Breaking(ast.NodeTransformer):
    """Puts the call at the head of every guarded body."""

    def visit_With(self, node: ast.With) -> ast.AST:
        """A block ``with guarded("site")``."""
        self.generic_visit(node)
        for item in node.items:
            node.body[:0] = _calls(item.context_expr)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function under ``@guarded("site")``."""
        self.generic_visit(node)
        for decorator in node.decorator_list:
            node.body[:0] = _calls(decorator)
        return node


def _calls(guard: ast.expr) -> list[ast.stmt]:
    if not (isinstance(guard, ast.Call) and isinstance(guard.func, ast.Name) and guard.func.id == "guarded"):
        return []
    if isinstance(guard.args[0], ast.Constant):
        PLACES.add(str(guard.args[0].value))
    function = ast.parse("__import__('sys').modules['__main__'].defect", mode="eval").body
    return [ast.Expr(ast.Call(function, [guard.args[0]], []))]


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of ``spanledger``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The usual spec, with our loader."""
        if fullname.partition(".")[0] != "spanledger":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def engine() -> list[object]:
    """Do what engines do; all that they get back."""
    import spanledger  # noqa: PLC0415 - loaded by our loader
    from spanledger import propagation  # noqa: PLC0415

    got: list[object] = []
    with spanledger.execution("task", user_id="user-1"), spanledger.step("step", metadata={"frames": 1}):
        with spanledger.prompt("category", "name"):
            spanledger.record_cost(
                service="s3", operation="upload", quantity=1, unit="GB", duration=1, metadata={"a": []}
            )
        thread = threading.Thread(target=got.append, args=("thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            got.append(pool.submit(sum, (1, 2)).result())
        with propagation.received({"baggage": "user.id=user-2"}):
            got.append(len(propagation.headers_for("http://third.party")))

    @spanledger.step("generated")
    def generate() -> Generator[int, str, str]:
        return (yield 1)

    @spanledger.execution("asynchronous")
    async def work() -> str:
        return await asyncio.to_thread(str, 3)

    generator = generate()
    got += [next(generator), asyncio.run(work())]
    try:
        with spanledger.execution("failing"), spanledger.step("failing"):
            raise LookupError("own")  # noqa: EM101, TRY301 - the engine's
    except LookupError as error:
        got.append(str(error))
    spanledger.flush(500)
    return got


def main() -> None:
    """Run the engine as it is, then broken in each place."""
    sys.meta_path.insert(0, _Finder())
    import spanledger  # noqa: PLC0415 - loaded by our loader
    from spanledger.guard import losses  # noqa: PLC0415

    for site in [None, *_places(spanledger)]:
        before = losses()
        BROKEN[:] = [] if site is None else [site]
        spanledger.configure("broken", endpoint=sys.argv[1], own_hosts=["own"])
        got = engine()
        spanledger.shutdown()
        BROKEN.clear()
        noticed = losses().get(site or "", 0) - before.get(site or "", 0)
        print(json.dumps({"site": site, "got": got, "noticed": noticed}))  # noqa: T201 - read by the test


def _places(spanledger: ModuleType) -> list[str]:
    """Every site of the modules that an engine without clients loads."""
    spanledger.configure("whole", endpoint=sys.argv[1])
    engine()
    spanledger.shutdown()
    return sorted(PLACES)


if __name__ == "__main__":
    main()
