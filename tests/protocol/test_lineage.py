"""The lineage of an exception's class: what it tells, and what is made of it where the class is not known."""

import pytest

from rproxy.errors import RemoteExecError, remote_class
from rproxy.trust import Trust
from rproxy_endpoint.protocol.exceptions import checked_lineage, full_name, make_exception
from rproxy_endpoint.protocol.failures import (
    BASES,
    lineage_of,
    name_of,
    take_exception,
)


class Base(Exception):
    pass


class Derived(Base, KeyError):
    pass


class Meta(type):
    @property
    def __module__(cls):
        raise RuntimeError("no module")


class Untold(Exception, metaclass=Meta):
    pass


def test_a_lineage_tells_each_class_once_and_its_direct_bases_by_their_places():
    names = [(qualname, bases) for _, qualname, bases in lineage_of(Derived)]
    assert names == [
        ("Derived", (1, 2)), ("Base", (4,)), ("KeyError", (3,)), ("LookupError", (4,)), ("Exception", (5,)),
        ("BaseException", ()),
    ]  # fmt: skip
    assert full_name(lineage_of(Derived)) == f"{__name__}.Derived"
    assert full_name(lineage_of(KeyError)) == "KeyError"


def test_a_class_whose_metaclass_lies_is_told_all_the_same():
    assert [qualname for _, qualname, _ in lineage_of(Untold)] == ["Untold", "Exception", "BaseException"]


def test_a_module_that_is_no_text_is_told_as_none():
    strange = type("Strange", (Exception,), {"__module__": 5})
    assert lineage_of(strange)[0][:2] == ("", "Strange")


def test_a_class_that_is_of_no_module_is_told_so():
    nameless = eval('type("Nameless", (), {})', {})
    assert name_of(nameless) == ("", "Nameless")


def test_a_lineage_without_end_is_cut_and_can_be_read():
    cls = Exception
    for _ in range(2 * BASES):
        cls = type("Longer", (cls,), {})
    assert len(checked_lineage(lineage_of(cls))) == BASES


def test_what_was_told_is_what_is_read():
    assert checked_lineage(lineage_of(Derived)) == lineage_of(Derived)


def test_a_foreign_class_is_made_of_its_lineage():
    asked = []

    def foreign(lineage):
        asked.append(lineage)
        return remote_class(KeyError, full_name(lineage), False)

    made = make_exception(take_exception(Derived("x")), Trust().locate, remote_class, foreign=foreign)
    assert asked == [lineage_of(Derived)]
    assert isinstance(made, KeyError) and made.args == ("x",)


def test_a_known_class_is_not_asked_for():
    def foreign(lineage):
        raise AssertionError("it is known here")

    made = make_exception(take_exception(KeyError("x")), Trust().locate, remote_class, foreign=foreign)
    assert isinstance(made, KeyError)


def test_a_foreign_class_that_cannot_be_made_becomes_a_remote_exception():
    def foreign(lineage):
        raise TypeError("layout conflict")

    made = make_exception(take_exception(Derived("x")), Trust().locate, remote_class, foreign=foreign)
    assert type(made).__mro__[1] is RemoteExecError and made.args == ("x",)


@pytest.mark.parametrize(
    "data",
    [None, (), ("m",), (("m", "q"),), (("m", 1, ()),), (("m", "q", [1]),), (("m", "q", (0,)),), (("m", "q", (1,)),)],
    ids=repr,
)
def test_what_is_no_lineage_is_refused(data):
    with pytest.raises((TypeError, ValueError)):
        checked_lineage(data)
