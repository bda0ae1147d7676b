"""The standard library's own data: dates and times, Decimal, Fraction, UUID."""

import datetime
import decimal
import fractions
import sys
import uuid
from typing import Any, Optional

from .errors import ValueFault
from .values import MAKE, TAKE, Parcel, Taken, check_integers, register, taken

if sys.version_info >= (3, 9):
    import zoneinfo


def _moment(cls: type, kind: str, *names: str) -> None:
    """Registers a class that is made from the attributes of those names, in that order."""

    def take(obj: Any, parcel: Parcel) -> Optional[Taken]:
        zone = getattr(obj, "tzinfo", None)
        if zone is not None and not _travels(zone):
            return None  # a time zone that is code stays where it is, and its time with it
        return taken(kind, *[getattr(obj, name) for name in names], getattr(obj, "fold", 0))

    def make(parcel: Parcel, *args: Any) -> Any:
        values, fold = args[:-1], args[-1]
        return cls(*values, fold=fold) if fold else cls(*values)

    register(cls, kind, take, make)


def _travels(zone: Any) -> bool:
    if type(zone) is datetime.timezone:
        return True
    return sys.version_info >= (3, 9) and type(zone) is zoneinfo.ZoneInfo and zone.key is not None


def take_timezone(obj: datetime.timezone, parcel: Parcel) -> Taken:
    if obj is datetime.timezone.utc:
        return taken("datetime.timezone")
    return taken("datetime.timezone", *obj.__getinitargs__())  # type: ignore[attr-defined]


def make_timezone(parcel: Parcel, *args: Any) -> datetime.timezone:
    return datetime.timezone(*args) if args else datetime.timezone.utc


def make_uuid(parcel: Parcel, number: int, safe: Any) -> uuid.UUID:
    made = uuid.UUID(int=number)
    if safe is not None and hasattr(uuid, "SafeUUID"):
        object.__setattr__(made, "is_safe", uuid.SafeUUID(safe))
    return made


def take_uuid(obj: uuid.UUID, parcel: Parcel) -> Taken:
    safe = getattr(obj, "is_safe", None)  # 3.7 and newer
    return taken("uuid.UUID", obj.int, None if safe is None else safe.value)


def take_zone(obj: Any, parcel: Parcel) -> Optional[Taken]:
    return None if obj.key is None else taken("zoneinfo.ZoneInfo", obj.key)


def make_zone(parcel: Parcel, key: str) -> Any:
    if sys.version_info < (3, 9):
        raise ValueFault("time zones by name need Python 3.9; use datetime.timezone for this host")
    return zoneinfo.ZoneInfo(key)


def make_fraction(parcel: Parcel, numerator: Any, denominator: Any) -> fractions.Fraction:
    check_integers((numerator, denominator))  # a text may be short and mean a number without end
    return fractions.Fraction(numerator, denominator)


_moment(datetime.date, "datetime.date", "year", "month", "day")
_clock = ("hour", "minute", "second", "microsecond", "tzinfo")
_moment(datetime.time, "datetime.time", *_clock)
_moment(datetime.datetime, "datetime.datetime", "year", "month", "day", *_clock)
_moment(datetime.timedelta, "datetime.timedelta", "days", "seconds", "microseconds")
register(datetime.timezone, "datetime.timezone", take_timezone, make_timezone)
register(uuid.UUID, "uuid.UUID", take_uuid, make_uuid)
register(
    decimal.Decimal, "decimal.Decimal", lambda o, p: taken("decimal.Decimal", str(o)),
    lambda p, text: decimal.Decimal(str(text)),
)
register(
    fractions.Fraction, "fractions.Fraction",
    lambda o, p: taken("fractions.Fraction", o.numerator, o.denominator),
    make_fraction,
)
MAKE["zoneinfo.ZoneInfo"] = make_zone
if sys.version_info >= (3, 9):
    TAKE[zoneinfo.ZoneInfo] = take_zone
