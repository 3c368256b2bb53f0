"""Receivers of one owner leave room for those of others: turns of each, and whose is next."""

from __future__ import annotations

from workers.courier.turns import Turns


def test_of_one_owner_no_more_are_visited_at_a_time() -> None:
    turns = Turns(2)
    with turns.taken("ann", "1") as first, turns.taken("ann", "2") as second:
        with turns.taken("ann", "3") as third, turns.taken("eve", "4") as other:
            assert [first, second, third, other] == [True, True, False, True]
        assert turns.next_of("ann") is None, "both are still visited"
    with turns.taken("ann", "3") as third:
        assert third


def test_who_was_turned_away_is_called_for_once_in_turn() -> None:
    turns = Turns(1)
    with turns.taken("ann", "1"):
        for webhook in ("2", "3", "2"):
            with turns.taken("ann", webhook) as taken:
                assert not taken
    assert [turns.next_of("ann") for _ in range(3)] == ["2", "3", None]


def test_who_got_a_turn_by_itself_is_not_called_for() -> None:
    turns = Turns(1)
    with turns.taken("ann", "1"), turns.taken("ann", "2"):
        pass
    with turns.taken("ann", "2"):
        pass
    assert turns.next_of("ann") is None
