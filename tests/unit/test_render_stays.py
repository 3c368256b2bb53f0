"""Pictures by a child that stays: the same ones, and nothing of a file is left with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import samples
from tests.support.cells import cell_children
from tests.support.pictures import IMAGES, cell, opened
from workers.rendering.render import Picture, Renderer, Unrenderable

FILES = {
    **IMAGES,
    "application/pdf": samples.pdf,
    "text/plain": samples.txt,
    "text/csv": samples.csv,
}


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    made = cell()
    yield Renderer(made)
    made.close()


def draw(renderer: Renderer, type_: str, whose: str | None) -> list[Picture]:
    with opened(FILES[type_]()) as file:
        return renderer.render(file, type_, whose) + renderer.pages(file, type_, whose)


@pytest.mark.parametrize("type_", FILES)
def test_every_kind_leaves_a_child_that_can_go_on(renderer: Renderer, type_: str) -> None:
    """A parser that left a file open would have had its last one."""
    alone = draw(renderer, type_, None)
    first = draw(renderer, type_, "ann")
    (child,) = cell_children()
    assert draw(renderer, type_, "ann") == first == alone
    assert cell_children() == [child]
    assert child.num_threads() < 8


def test_kinds_follow_each_other(renderer: Renderer) -> None:
    """What one kind unlocks is locked again, and what it needs is unlocked again."""
    alone = [draw(renderer, type_, None) for type_ in FILES]
    assert [draw(renderer, type_, "bob") for type_ in FILES] == alone


def test_a_refused_file_is_its_childs_last(renderer: Renderer) -> None:
    draw(renderer, "image/png", "eve")
    (child,) = cell_children()
    with opened(samples.png()[:100]) as file, pytest.raises(Unrenderable):
        renderer.render(file, "image/png", "eve")
    assert not child.is_running()
    draw(renderer, "image/png", "eve")
