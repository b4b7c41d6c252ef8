"""Views in an order that they can be created in, and which of them nobody can create again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.mysql.dump import views


def body(*names: str) -> str:
    """A view's body that reads others of the database w."""
    return "select 1 from " + ", ".join(f"`w`.`{name.replace('`', '``')}`" for name in names)


@given(st.dictionaries(st.sampled_from("abcdefgh`é"), st.sets(st.sampled_from("abcdefgh`é")), max_size=9))
def test_a_view_comes_after_those_that_it_reads(reads: dict[str, set[str]]) -> None:
    """Whatever their names; and in a circle, which only a name that looks like a view makes, each still comes once."""
    bodies = {("w", name): body("t", *others) for name, others in reads.items()}
    order = views.ordered(bodies)
    assert sorted(order) == sorted(bodies)
    acyclic = {("w", name): body("t", *(other for other in others if other < name)) for name, others in reads.items()}
    order = views.ordered(acyclic)
    assert all(order.index(other) < order.index(view) for view in order for other in views.references(acyclic[view], acyclic))


@pytest.mark.parametrize("number", [1146, 1054, 1049, 1305, 1128, 3548])
def test_a_view_is_broken_when_the_server_does_not_know_what_it_reads_and_so_is_one_that_reads_it(number: int) -> None:
    """A table, a column, a database, a function, whatever it is that is gone."""
    bodies = {("w", "b"): body("gone"), ("w", "a"): body("b"), ("w", "well"): body("t")}
    faults = {bodies["w", "b"]: (number, "it is gone"), bodies["w", "a"]: (1356, "references invalid")}
    assert views.judge(bodies, faults.get) == {("w", "b"): "it is gone", ("w", "a"): "it reads w.b"}


@pytest.mark.parametrize("number", [1142, 1143, 1370, 1449, 1356])
def test_a_view_of_somebody_who_is_gone_or_may_less_can_be_created(number: int) -> None:
    """The rights of whoever asks, or of its definer, are not asked when it is created."""
    bodies = {("w", "orphan"): body("t"), ("w", "over"): body("orphan")}
    assert views.judge(bodies, lambda of: (number, "rights") if of == bodies["w", "over"] else (1449, "no definer")) == {}


def test_a_view_is_ours_for_a_moment() -> None:
    """Its definer is taken out of the head alone."""
    create = "CREATE ALGORITHM=UNDEFINED DEFINER=`o``b`@`%` SQL SECURITY DEFINER VIEW `w`.`v` AS select ' DEFINER=`a`@`b`'"
    assert views.by_us(create) == "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `w`.`v` AS select ' DEFINER=`a`@`b`'"
    assert views.replacing(create).startswith("CREATE OR REPLACE ALGORITHM=UNDEFINED DEFINER=")
