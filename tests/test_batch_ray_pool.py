from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from faceattr.batch import ray_crew, ray_pool
from faceattr.batch.identity import Identity
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Pictures, Work
from faceattr.batch.ray_actors import WorkerLost
from faceattr.batch.ray_pool import RayPool
from faceattr.batch.ray_worker import Analysed, Answer, Loaded, Node, Unfit
from faceattr.batch.worker import Failed
from faceattr.errors import CannotWrite, EngineError, PackError
from faceattr.options import Options
from faceattr.settings import Settings
from tests import batch_fakes

OURS = Identity("pack", "1", "digest-of-ours", "m", "none", "f32")
THEIRS = Identity("pack", "1", "digest-of-theirs", "m", "none", "f32")


class FakeActor:
    def __init__(self) -> None:
        self.node: str | None = None
        self.gone = False
        self.asked: deque[tuple[int, str, Any]] = deque()
        self.batches: list[list[bytes]] = []


class FakeCluster:
    """Answers one call of each actor at a time. A photo named `die…` ends its actor, and so on."""

    def __init__(self, **nodes: int) -> None:
        self.room = nodes  # node → processors
        self.there = set(nodes)
        self.identities = dict.fromkeys(nodes, OURS)
        self.unfit: set[str] = set()
        self.stillborn = False
        self.actors: list[FakeActor] = []
        self.answers: dict[int, Answer | None] = {}
        self.references = 0
        self.died_once: set[bytes] = set()
        self.closed = False

    def start(self, work: Work) -> FakeActor:
        self.actors.append(FakeActor())
        return self.actors[-1]

    def call(self, actor: FakeActor, method: str, argument: object) -> int:
        self.references += 1
        actor.asked.append((self.references, method, argument))
        return self.references

    def wait(self, references: Sequence[int], timeout: float) -> list[int]:
        for actor in self.actors:
            if actor.node is None and not actor.gone:
                actor.node = next((node for node in self.there if self.used(node) < self.room[node]), None)
        for actor in self.actors:
            if actor.asked and (actor.node is not None or actor.gone):
                self.step(actor)
        return [reference for reference in references if reference in self.answers]

    def answer(self, reference: int) -> Answer:
        answer = self.answers.pop(reference)
        if answer is None:
            raise WorkerLost("no heartbeat")
        return answer

    def kill(self, actor: FakeActor) -> None:
        actor.gone = True

    def nodes(self) -> set[str]:
        return self.there

    def close(self) -> None:
        self.closed = True

    def used(self, node: str) -> int:
        return sum(actor.node == node and not actor.gone for actor in self.actors)

    def lose(self, node: str) -> None:
        self.there.discard(node)
        for actor in self.actors:
            actor.gone |= actor.node == node

    def step(self, actor: FakeActor) -> None:
        if not actor.gone:
            reference, method, argument = actor.asked.popleft()
            answer = self.load(actor) if method == "load" else self.analyse(actor, argument)
            self.answers[reference] = answer
            actor.gone |= answer is None
        if actor.gone:
            self.answers |= dict.fromkeys((reference for reference, *_ in actor.asked), None)
            actor.asked.clear()

    def load(self, actor: FakeActor) -> Answer | None:
        assert actor.node is not None
        node = Node(actor.node, f"host-{actor.node}")
        if self.stillborn:
            return None
        return Unfit(node, "It has no disk.") if actor.node in self.unfit else Loaded(node, self.identities[actor.node])

    def analyse(self, actor: FakeActor, paths: list[bytes]) -> Answer | None:
        actor.batches.append(paths)
        outcomes = []
        for path in paths:
            if path.startswith(b"die") and not (path.startswith(b"die-once") and path in self.died_once):
                self.died_once.add(path)
                return None
            if path.startswith(b"full"):
                return Failed("write_failed", "No space left on device")
            outcomes.append(Outcome(path, "missing" if path.startswith(b"lost") else "no_face"))
        return Analysed(tuple(outcomes), any(path.startswith(b"grow") for path in paths))


class Here:
    """The pool of this machine, with the models loaded."""

    loading, log, identity = False, ("pack 1",), OURS

    def __init__(self, work: Work, workers: int) -> None:
        self.work = work

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "Pool", Here)
    monkeypatch.setattr(ray_crew, "_LONGEST_PAUSE", 0.0)


def work_on(root: Path, timeout: float = 120.0) -> Work:
    return Work(root, Settings(), Options(), batch_fakes.load, None, timeout)


def pool_on(cluster: FakeCluster, root: Path, least: int = 1, most: int = 100, timeout: float = 120.0) -> RayPool:
    return RayPool(work_on(root, timeout), least, most, cluster)


def results(pool: RayPool, paths: Sequence[bytes], *, disaster: Any = None, after: int = 0) -> dict[bytes, Outcome]:
    """The outcome of every path, in the way that the run loop asks for them; every place exactly once."""
    found: dict[int, Outcome] = {}
    rows = list(enumerate(paths))[::-1]
    for _ in range(1000):
        while rows and pool.has_room:
            pool.submit(*rows.pop())
        for place, outcome in pool.outcomes(0):
            assert place not in found
            found[place] = outcome
        if disaster and len(found) >= after:
            disaster()
            disaster = None
        if len(found) == len(paths):
            break
    assert [found[place].path for place in range(len(paths))] == list(paths)
    return {outcome.path: outcome for outcome in found.values()}


def filled(pool: RayPool) -> int:
    """How many paths it takes until it has no more room."""
    count = 0
    while pool.has_room:
        pool.submit(count, b"x")
        count += 1
    return count


def names(count: int) -> list[bytes]:
    return [b"%03d" % number for number in range(count)]


def test_every_photo_comes_back_once_and_no_batch_is_larger_than_it_may_be(tmp_path: Path) -> None:
    cluster = FakeCluster(a=2, b=1)
    pool = pool_on(cluster, tmp_path)
    assert {outcome.outcome for outcome in results(pool, names(200)).values()} == {"no_face"}
    assert max(len(batch) for actor in cluster.actors for batch in actor.batches) == 8
    assert (pool.log, pool.identity) == (("pack 1",), OURS)


def test_what_is_under_way_is_bounded_by_the_workers_there_are(tmp_path: Path) -> None:
    pool = pool_on(FakeCluster(a=2), tmp_path, least=2)
    assert filled(pool) == 24
    pool.outcomes(0)
    assert filled(pool) == 24


def test_workers_are_asked_for_as_long_as_the_cluster_has_room_and_the_run_has_work(tmp_path: Path) -> None:
    cluster = FakeCluster(a=3, b=3)
    pool = pool_on(cluster, tmp_path, most=5)
    results(pool, names(400))
    assert sum(bool(actor.batches) for actor in cluster.actors) == 5
    assert len(cluster.actors) == 5


def test_no_more_workers_than_the_least_number_start_for_little_work(tmp_path: Path) -> None:
    cluster = FakeCluster(a=50)
    results(pool_on(cluster, tmp_path, least=2), names(4))
    assert len(cluster.actors) == 2


def test_a_node_that_comes_later_gets_work_too(tmp_path: Path) -> None:
    cluster = FakeCluster(a=1, b=4)
    cluster.there.discard("b")
    results(pool_on(cluster, tmp_path), names(400), disaster=lambda: cluster.there.add("b"), after=50)
    assert {actor.node for actor in cluster.actors if actor.batches} == {"a", "b"}


def test_a_node_that_dies_costs_its_batches_a_retry_and_nothing_else(tmp_path: Path) -> None:
    cluster = FakeCluster(a=2, b=2)
    pool = pool_on(cluster, tmp_path, least=4)
    found = results(pool, names(300), disaster=lambda: cluster.lose("b"), after=90)
    assert {outcome.outcome for outcome in found.values()} == {"no_face"}
    assert any(len(batch) == 1 for actor in cluster.actors for batch in actor.batches)


def test_a_photo_that_ends_its_worker_costs_only_itself(tmp_path: Path) -> None:
    paths = names(40)
    paths[3] = b"die"
    found = results(pool_on(FakeCluster(a=2), tmp_path), paths)
    assert found[b"die"].outcome == "error:worker_died"
    assert found[b"die"].note == "its worker ended, the second time: no heartbeat"
    assert {outcome.outcome for path, outcome in found.items() if path != b"die"} == {"no_face"}


def test_photos_that_end_their_workers_in_one_batch_are_all_found(tmp_path: Path) -> None:
    paths = [b"die%d" % number for number in range(5)] + names(30)
    found = results(pool_on(FakeCluster(a=1), tmp_path), paths)
    assert [path for path, outcome in found.items() if outcome.failed] == paths[:5]


def test_a_photo_whose_worker_died_once_is_tried_again(tmp_path: Path) -> None:
    found = results(pool_on(FakeCluster(a=1), tmp_path), [b"die-once", *names(9)])
    assert {outcome.outcome for outcome in found.values()} == {"no_face"}


def test_a_suspect_shares_its_worker_with_no_other_photo(tmp_path: Path) -> None:
    cluster = FakeCluster(a=2)
    results(pool_on(cluster, tmp_path), [b"die", *names(60)])
    deaths = [actor.batches[-1] for actor in cluster.actors if actor.batches and b"die" in actor.batches[-1]]
    assert [len(batch) == 1 for batch in deaths] == [False, True, True]


def test_a_photo_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    found = results(pool_on(FakeCluster(a=1), tmp_path, timeout=0.0), [b"die", b"b"])
    assert found[b"die"].outcome == "error:timeout"
    assert found[b"b"].outcome == "no_face"


def test_a_worker_that_hangs_beyond_all_limits_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.batch.ray_actors._SLACK", -1.0)
    cluster = FakeCluster(a=1)
    pool = pool_on(cluster, tmp_path, timeout=0.0)
    pool.outcomes(0)
    first = cluster.actors[0]
    monkeypatch.setattr(cluster, "step", lambda actor: None)
    pool.submit(0, b"x")
    pool.outcomes(0)
    assert first.gone


def test_a_worker_that_has_grown_is_replaced_after_what_it_was_given(tmp_path: Path) -> None:
    cluster = FakeCluster(a=1)
    found = results(pool_on(cluster, tmp_path, most=1), [b"grow", *names(60)])
    assert not any(outcome.failed for outcome in found.values())
    assert [actor.gone for actor in cluster.actors] == [True, False]


def test_a_node_with_other_models_is_refused_by_both_digests_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster(a=1, b=2)
    cluster.identities["b"] = THEIRS
    with caplog.at_level(logging.WARNING):
        results(pool_on(cluster, tmp_path, least=3), names(100))
    assert {actor.node for actor in cluster.actors if actor.batches} == {"a"}
    assert not any(actor.gone for actor in cluster.actors if actor.node == "b"), "they hold b's places"
    [message] = caplog.messages
    assert message.startswith("Node host-b is not used. ")
    assert "digest-of-ours" in message
    assert "digest-of-theirs" in message


def test_a_cluster_without_one_fit_node_ends_the_run(tmp_path: Path) -> None:
    cluster = FakeCluster(a=1, b=1)
    cluster.identities["a"], cluster.unfit = THEIRS, {"b"}
    with pytest.raises(PackError, match="Node host-. is not used"):
        results(pool_on(cluster, tmp_path, least=2), names(1))


def test_workers_that_never_load_end_the_run(tmp_path: Path) -> None:
    cluster = FakeCluster(a=1)
    cluster.stillborn = True
    with pytest.raises(EngineError, match="before they are ready.*no heartbeat"):
        results(pool_on(cluster, tmp_path), names(1))


def test_a_cluster_without_room_ends_the_run_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_crew, "_PATIENCE", 0.0)
    with pytest.raises(EngineError, match="no processor free"):
        results(pool_on(FakeCluster(a=0), tmp_path), names(1))


def test_output_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="No space left"):
        results(pool_on(FakeCluster(a=1), tmp_path), [b"full"])


def test_a_file_that_only_workers_do_not_see_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "lost-there").touch()
    found = results(pool_on(FakeCluster(a=2), tmp_path), [b"lost-there", b"lost-here", b"x"])
    assert found[b"lost-there"].outcome == "error:unreadable"
    assert "shared with every node" in str(found[b"lost-there"].note)
    assert found[b"lost-here"].outcome == "missing"


def test_workers_get_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    work = Work(Path("in"), Settings(models="pack"), Options(), batch_fakes.load, Pictures(Path("out/p"), Path("out")))
    pool = RayPool(work, 1, 1, FakeCluster(a=1))
    assert pool._work.root == tmp_path / "in"
    assert pool._work.settings.models == str(tmp_path / "pack")
    assert pool._work.pictures == Pictures(tmp_path / "out/p", tmp_path / "out")


def test_leaving_the_pool_ends_every_worker_and_leaves_the_cluster(tmp_path: Path) -> None:
    cluster = FakeCluster(a=1, b=1)
    with pool_on(cluster, tmp_path, least=3) as pool:
        pool.submit(0, b"x")
        pool.outcomes(0)
    assert all(actor.gone for actor in cluster.actors)
    assert cluster.closed
