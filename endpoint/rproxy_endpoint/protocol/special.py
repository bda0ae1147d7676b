"""The special methods that a type's description tells of: their presence changes what can be done with it."""

SPECIAL = frozenset(
    "__%s__" % name
    for name in (
        "call len iter next reversed contains getitem setitem delitem length_hint bool "
        "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor "
        "radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand ror rxor "
        "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ior ixor "
        "neg pos abs invert int float complex index round trunc floor ceil "
        "eq ne lt le gt ge hash str repr format bytes fspath enter exit "
        "await aiter anext aenter aexit instancecheck subclasscheck array_ufunc"
    ).split()
)
