"""Makes the toy service known in processes that a test does not run itself: workers, their flows, the command line."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

_REGISTRY = "backups.services.registry"


def register() -> None:
    """Have the registry hold the toy as soon as it is imported; until then this costs nothing."""
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(_REGISTRY)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def execute_and_add(module: ModuleType) -> None:
            execute(module)
            from tests.e2e.server import slow_toy

            module.SERVICE_TYPES["toy"] = module.ServiceType(slow_toy.SlowToySettings, slow_toy.make)

        spec.loader.exec_module = execute_and_add  # type: ignore[method-assign]
        return spec
