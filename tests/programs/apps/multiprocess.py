"""Everything that multiprocessing pickles, with the start method of the first argument."""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from dataclasses import dataclass, field
from multiprocessing import shared_memory
from multiprocessing.managers import BaseManager


@dataclass
class Task:
    name: str
    numbers: list[int]
    parent: Task | None = None
    seen: dict[str, object] = field(default_factory=dict)


class TaskError(Exception):
    """An error with more than a message."""

    def __init__(self, task: Task, code: int) -> None:
        super().__init__(task, code)
        self.task = task
        self.code = code


def total(task: Task) -> tuple[str, int, int]:
    return task.name, sum(task.numbers), sum(task.parent.numbers) if task.parent else 0


def fail(task: Task) -> None:
    raise TaskError(task, 7)


def add(a: int, b: int) -> int:
    return a + b


offset = 0


def set_offset(value: int) -> None:
    global offset
    offset = value


def shifted(number: int) -> int:
    return number + offset


class Register:
    """Something to share through a manager."""

    def __init__(self) -> None:
        self.entries: dict[str, Task] = {}

    def put(self, task: Task) -> int:
        self.entries[task.name] = task
        return len(self.entries)

    def get(self, name: str) -> Task:
        return self.entries[name]


class RegisterManager(BaseManager):
    pass


RegisterManager.register("Register", Register)


def pipe_worker(connection, value, array, lock) -> None:
    while (task := connection.recv()) is not None:
        with lock:
            value.value += len(task.numbers)
            array[0] += sum(task.numbers)
        connection.send((task.name.upper(), task))
    connection.send_bytes(b"raw bytes")
    connection.close()


def queue_worker(tasks, results, count) -> None:
    for _ in range(count):
        task = tasks.get()
        results.put((task.name, [number**2 for number in task.numbers]))
        tasks.task_done()


def manager_worker(shared, names, register) -> None:
    shared["numbers"] = [*shared["numbers"], 4]
    shared["task"] = Task("from the child", [1, 2, 3])
    names.extend(["x", "y"])
    register.put(Task("registered", [9]))


def pools(context) -> None:
    parent = Task("parent", [100])
    tasks = [Task(f"task {number}", list(range(number)), parent) for number in range(20)]
    with context.Pool(2, initializer=set_offset, initargs=(1000,)) as pool:
        print(pool.map(total, tasks))
        print(sorted(pool.imap_unordered(total, tasks, chunksize=3)))
        print(pool.starmap(add, [(1, 2), (3, 4)]))
        print(pool.apply(shifted, (5,)))
        try:
            pool.apply(fail, (tasks[3],))
        except TaskError as error:
            print(error.task, error.code, type(error.__cause__).__name__)
            print(traceback.format_exception_only(type(error), error))
        errors = []
        pool.apply_async(fail, (tasks[1],), error_callback=errors.append).wait()
        print(errors[0].task.name)
        print(pool.map(sum, [range(10**6)] * 2))
        unpicklable = pool.apply_async(eval, ("lambda: 1",))
        try:
            unpicklable.get()
        except multiprocessing.pool.MaybeEncodingError as error:
            print(str(error).split(" at 0x")[0])


def pipes(context) -> None:
    ours, theirs = context.Pipe()
    value, array, lock = context.Value("i", 0), context.Array("d", 3), context.RLock()
    worker = context.Process(target=pipe_worker, args=(theirs, value, array, lock))
    worker.start()
    for size in (1, 10, 50_000):
        ours.send(Task("piped", list(range(size))))
        name, task = ours.recv()
        print(name, len(task.numbers), task.numbers[-1])
    ours.send(None)
    print(ours.recv_bytes())
    worker.join()
    print(worker.exitcode, value.value, list(array))


def queues(context) -> None:
    tasks, results = context.JoinableQueue(), context.SimpleQueue()
    workers = [context.Process(target=queue_worker, args=(tasks, results, 5)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(10):
        tasks.put(Task(f"queued {number}", [number] * 3))
    found = [results.get() for _ in range(10)]
    tasks.join()
    for worker in workers:
        worker.join()
    print(sorted(found))
    queue = context.Queue()
    queue.put({"nested": [Task("a", [])]})
    print(queue.get())
    queue.close()
    queue.join_thread()


def managers(context) -> None:
    registers = RegisterManager(ctx=context)
    registers.start()
    with context.Manager() as manager, registers:
        shared, names = manager.dict(numbers=[1, 2, 3]), manager.list("ab")
        space = manager.Namespace(size=3)
        register = registers.Register()
        worker = context.Process(target=manager_worker, args=(shared, names, register))
        worker.start()
        worker.join()
        print(shared.copy(), list(names), space.size)
        print(register.get("registered"))
        try:
            register.get("missing")
        except KeyError as error:
            print(repr(error))
        nested = manager.list([manager.dict(a=1)])
        nested[0]["b"] = Task("nested", [1])
        print(dict(nested[0]))


def shared(context) -> None:
    with context.Pool(1) as pool:
        block = shared_memory.ShareableList(["text", 1, 2.5, None, True])
        try:
            print(pool.apply(list, (block,)))
        finally:
            block.shm.close()
            block.shm.unlink()


def main() -> None:
    context = multiprocessing.get_context(sys.argv[1])
    for part in (pools, pipes, queues, managers, shared):
        print(part.__name__)
        part(context)
    print("done")


if __name__ == "__main__":
    main()
