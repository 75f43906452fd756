"""Functions that raise."""


def inner():
    raise KeyError("wall")


def chained(labels, spacing):
    try:
        inner()
    except KeyError as error:
        raise ValueError("no thickness") from error


def leaves(labels, spacing):
    raise SystemExit(3)


def silent(labels, spacing):
    assert False


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


def unprintable(labels, spacing):
    raise Unprintable


def own_cause(labels, spacing):
    error = ValueError("again")
    error.__cause__ = error
    raise error
