"""Where in the text the parts of a policy stand."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel_server.policy.events import START, Entries, Items, Mark, Node, Scalar


class Places:
    """The marks of one document by path, as in `rules[2].conditions.users[0]`."""

    def __init__(self, tree: Node | None) -> None:
        self._marks = {} if tree is None else dict(_marks(tree, ""))

    def at(self, path: str) -> Mark:
        """Where `path` stands, or the nearest that contains it."""
        while path and path not in self._marks:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._marks.get(path, START)

    def __contains__(self, path: str) -> bool:
        return path in self._marks


def _marks(node: Node, path: str) -> Iterator[tuple[str, Mark]]:
    if isinstance(node, Items):
        for index, each in enumerate(node.nodes):
            yield f"{path}[{index}]", each.mark
            yield from _marks(each, f"{path}[{index}]")
    elif isinstance(node, Entries):
        for key, value in node.pairs:
            if isinstance(key, Scalar):
                below = f"{path}.{key.text}" if path else key.text
                yield below, key.mark
                yield from _marks(value, below)
