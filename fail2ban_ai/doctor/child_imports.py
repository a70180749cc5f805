"""Child: which of these Python files would fail to import, judged without running them. Runs in the system's Python."""

import ast
import importlib.util
import json
import sys
from pathlib import Path


def _problem(path: str) -> str:
    try:
        tree = ast.parse(Path(path).read_text())
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    except (SyntaxError, ValueError) as error:
        return f"it is no Python ({error})"
    # Imports inside functions or `try` may be meant to fail.
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if importlib.util.find_spec(top) is None:
                return f"there is no module {top}"
    return ""


if __name__ == "__main__":
    found = {path: _problem(path) for path in json.load(sys.stdin)}
    print(json.dumps({path: problem for path, problem in found.items() if problem}))
