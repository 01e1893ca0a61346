"""Where waiting jobs are planned, with the resources that the plan means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manager.batch_world import BatchWorld


def test_places_are_the_predictions_also_of_besteffort_jobs(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path)
    running = world.submit("/core=5,walltime=0:10:00")
    world.launched(running)
    world.begin(running)
    waiting = world.submit("/core=8,walltime=0:05:00")
    hopeful = world.submit("/core=6,walltime=0:01:00", queue="besteffort", types=("besteffort",))
    held = world.submit("/core=1", hold=True)
    batch = world.manager.batch
    try:
        places = batch.places([running, waiting, hopeful, held, 999])
        assert sorted(places) == [waiting, hopeful]
        predictions = batch.predictions()
        for job_id, place in places.items():
            assert place.placement.start == pytest.approx(predictions[job_id].start, abs=5)
            assert batch.prediction(job_id) is not None
        assert list(places[waiting].resources) == world.cores
        assert len(places[hopeful].resources) == 6
        assert batch.prediction(held) is None
    finally:
        world.manager.close()
