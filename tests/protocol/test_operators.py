"""Special methods by their names, and iterators in batches, as either side runs them."""

import itertools

import pytest

from rproxy_endpoint.protocol.operators import BATCH, OPERATIONS, Iteration


def test_a_reflected_method_has_its_operands_the_other_way_round():
    assert OPERATIONS["__rsub__"](2, 10) == 8
    assert OPERATIONS["__rpow__"](2, 3) == 9


def test_an_operation_fails_in_pythons_own_words():
    with pytest.raises(TypeError, match="unsupported operand"):
        OPERATIONS["__add__"](1, "a")


def test_a_context_manager_is_entered_and_left_by_its_type():
    class Manager:
        def __enter__(self):
            return "in"

        def __exit__(self, *told):
            return told

    manager = Manager()
    manager.__enter__ = None  # what an instance has is not looked at
    assert OPERATIONS["__enter__"](manager) == "in"
    assert OPERATIONS["__exit__"](manager, None, None, None) == (None, None, None)


def test_items_are_gathered_up_to_the_number_that_is_asked_for():
    iteration, iterator = Iteration(), iter(range(5))
    assert iteration.gather(1, iterator, 3) == ([0, 1, 2], False)
    assert iteration.gather(1, iterator, 3) == ([3, 4], True)


def test_a_group_comes_alone_since_the_next_one_empties_it():
    iteration, groups = Iteration(), itertools.groupby("aab")
    ((key, group),), ended = iteration.gather(1, groups, 10)
    assert (key, list(group), ended) == ("a", ["a", "a"], False)


def test_large_items_make_a_batch_of_few():
    items, ended = Iteration().gather(1, iter([b"x" * BATCH] * 3), 3)
    assert (len(items), ended) == (1, False)


def test_an_exception_comes_after_the_items_before_it():
    def failing():
        yield 1
        raise KeyError("two")

    iteration, iterator = Iteration(), failing()
    assert iteration.gather(7, iterator, 10) == ([1], False)
    with pytest.raises(KeyError):
        iteration.gather(7, iterator, 10)
    assert iteration.gather(7, iterator, 10) == ([], True)


def test_an_exception_before_any_item_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        Iteration().gather(1, (1 // 0 for _ in "x"), 10)
