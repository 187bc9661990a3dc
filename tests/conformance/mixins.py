"""CPython's abstract suites, instantiated for the ways into brinery that CPython's own classes leave out.

CPython's classes cover `Pickler` and `Unpickler` on a BytesIO. Here: the functions, real files, files that
can neither be peeked nor read into, subclasses with every kind of hook, hooks as instance attributes, and the
memo carried over.
"""

from __future__ import annotations

import collections
import copyreg
import io
import tempfile
import unittest

from test import pickletester
from test import test_pickle as cpython

import brinery


class ModuleTests(pickletester.AbstractPickleModuleTests, unittest.TestCase):
    """The module's names, taken from the package."""

    dump = staticmethod(brinery.dump)
    dumps = staticmethod(brinery.dumps)
    load = staticmethod(brinery.load)
    loads = staticmethod(brinery.loads)
    Pickler = brinery.Pickler
    Unpickler = brinery.Unpickler


class FunctionTests(cpython.InMemoryPickleTests):
    """``dumps`` and ``loads``."""

    bad_stack_errors = (brinery.UnpicklingError,)
    truncated_errors = (brinery.UnpicklingError,)

    def dumps(self, arg, protocol=None, **kwargs):
        return brinery.dumps(arg, protocol, **kwargs)

    def loads(self, buf, **kwargs):
        return brinery.loads(buf, **kwargs)


class BufferTests(FunctionTests):
    """``loads`` of other bytes-like objects than bytes."""

    def loads(self, buf, **kwargs):
        return brinery.loads(memoryview(bytearray(buf)), **kwargs)


class _BothWays(pickletester.AbstractPickleTests, pickletester.AbstractUnpickleTests):
    """Both suites on a class's own ``dumps`` and ``loads``."""

    pickler = brinery.Pickler
    unpickler = brinery.Unpickler
    bad_stack_errors = (brinery.UnpicklingError,)
    truncated_errors = (brinery.UnpicklingError,)

    def dumps(self, arg, protocol=None, **kwargs):
        stream = io.BytesIO()
        self.pickler(stream, protocol, **kwargs).dump(arg)
        return stream.getvalue()

    def loads(self, buf, **kwargs):
        return self.unpickler(io.BytesIO(buf), **kwargs).load()


class RealFileTests(_BothWays, unittest.TestCase):
    """``dump`` to and ``load`` from a buffered file on disk."""

    def dumps(self, arg, protocol=None, **kwargs):
        with tempfile.TemporaryFile() as stream:
            brinery.dump(arg, stream, protocol, **kwargs)
            stream.seek(0)
            return stream.read()

    def loads(self, buf, **kwargs):
        with tempfile.TemporaryFile() as stream:
            stream.write(buf)
            stream.seek(0)
            return brinery.load(stream, **kwargs)


class RawFileTests(RealFileTests):
    """``load`` from an unbuffered file, which has no ``peek``."""

    def loads(self, buf, **kwargs):
        with tempfile.TemporaryFile(buffering=0) as stream:
            stream.write(buf)
            stream.seek(0)
            return brinery.load(stream, **kwargs)


class MinimalFileTests(_BothWays, unittest.TestCase):
    """Files with ``write``, or ``read`` and ``readline``, and nothing else."""

    class _Writer:
        def __init__(self):
            self.written = []

        def write(self, data):
            self.written.append(bytes(data))

    class _Reader:
        def __init__(self, data):
            stream = io.BytesIO(data)
            self.read, self.readline = stream.read, stream.readline

    def dumps(self, arg, protocol=None, **kwargs):
        stream = self._Writer()
        brinery.dump(arg, stream, protocol, **kwargs)
        return b"".join(stream.written)

    def loads(self, buf, **kwargs):
        return brinery.load(self._Reader(buf), **kwargs)


class SubclassTests(_BothWays, unittest.TestCase):
    """Subclasses that override nothing."""

    class pickler(brinery.Pickler):
        """A subclass with an instance dict."""

    class unpickler(brinery.Unpickler):
        """A subclass with an instance dict."""


class IdleHookTests(_BothWays, unittest.TestCase):
    """Hooks that are there and leave every object alone."""

    class pickler(brinery.Pickler):
        """Every hook, none of which does anything."""

        dispatch_table = copyreg.dispatch_table

        def persistent_id(self, obj):
            return None

        def reducer_override(self, obj):
            return NotImplemented

    class unpickler(brinery.Unpickler):
        """Every hook; ``find_class`` asks the original."""

        def find_class(self, module, name):
            return super().find_class(module, name)


class InstanceHookTests(IdleHookTests):
    """The same hooks as attributes of the instance."""

    class pickler(brinery.Pickler):
        """Hooks set by the constructor."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.dispatch_table = collections.ChainMap({}, copyreg.dispatch_table)
            self.persistent_id = lambda obj: None

    class unpickler(brinery.Unpickler):
        """A hook set by the constructor."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.persistent_load = self.fail

        def fail(self, pid):
            """No stream of these tests has persistent ids that may be loaded."""
            raise brinery.UnpicklingError("unexpected persistent id")

    # This stream has a persistent id, and asks for the text of the error of an Unpickler without the hook.
    test_load_without_hook = None


class MemoProxyTests(_BothWays, unittest.TestCase):
    """The memo taken out of one pickler or unpickler and put into another before use."""

    def dumps(self, arg, protocol=None, **kwargs):
        stream = io.BytesIO()
        pickler = brinery.Pickler(stream, protocol, **kwargs)
        pickler.memo = brinery.Pickler(io.BytesIO()).memo.copy()
        pickler.dump(arg)
        return stream.getvalue()

    def loads(self, buf, **kwargs):
        unpickler = brinery.Unpickler(io.BytesIO(buf), **kwargs)
        unpickler.memo = brinery.Unpickler(io.BytesIO()).memo.copy()
        return unpickler.load()


class PersistentTests(cpython.CPersPicklerTests):
    """Persistent ids through methods."""

    pickler = brinery.Pickler
    unpickler = brinery.Unpickler


class PersistentAttributeTests(pickletester.AbstractPersistentPicklerTests, unittest.TestCase):
    """Persistent ids through attributes of the instance."""

    def dumps(self, arg, proto=None):
        stream = io.BytesIO()
        pickler = self._pickler(stream, proto)
        pickler.persistent_id = self.persistent_id
        pickler.dump(arg)
        return stream.getvalue()

    def loads(self, buf, **kwargs):
        unpickler = self._unpickler(io.BytesIO(buf), **kwargs)
        unpickler.persistent_load = self.persistent_load
        return unpickler.load()

    class _pickler(brinery.Pickler):
        pass

    class _unpickler(brinery.Unpickler):
        pass


class IdentityPersistentTests(cpython.CIdPersPicklerTests):
    """Persistent ids that are the objects themselves."""

    pickler = brinery.Pickler
    unpickler = brinery.Unpickler


class ObjectTests(cpython.CPicklerUnpicklerObjectTests):
    """The objects reused, cleared and primed, in subclasses."""

    class pickler_class(brinery.Pickler):
        """A subclass with an instance dict."""

    class unpickler_class(brinery.Unpickler):
        """A subclass with an instance dict."""


class DispatchTableTests(pickletester.AbstractDispatchTableTests, unittest.TestCase):
    """A dispatch table that is a plain dict."""

    pickler_class = brinery.Pickler

    def get_dispatch_table(self):
        return dict(copyreg.dispatch_table)


class ChainDispatchTableTests(DispatchTableTests):
    """A dispatch table that is a ChainMap."""

    def get_dispatch_table(self):
        return collections.ChainMap({}, copyreg.dispatch_table)


class MappingDispatchTableTests(DispatchTableTests):
    """A dispatch table that is a UserDict."""

    def get_dispatch_table(self):
        return collections.UserDict(copyreg.dispatch_table)


class HookTests(pickletester.AbstractHookTests, unittest.TestCase):
    """``reducer_override``."""

    class pickler_class(brinery.Pickler, pickletester.AbstractCustomPicklerClass):
        """CPython's hook on brinery's Pickler."""
