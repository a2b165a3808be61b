"""Bodies that are almost right, posted to the real routes: each is stored or refused, whole.

RCA_FUZZ_COUNT says how many, where 3,000 are not enough.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter

import pytest
from airflow.configuration import conf
from airflow.utils.session import create_session
from flask.testing import FlaskClient
from sqlalchemy import func, select

from rca_plugin.core.failure import Source
from rca_plugin.core.service_token import sign
from rca_plugin.server.models import AuditRow, FailureRow, Incident, RecoveryRow
from tests.fuzz.mutations import mutations, own_samples
from tests.server.test_senders import basic, bearer, query, secret_of
from tests.server.test_webhooks import client, options

__all__ = ["client", "options"]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.timeout(3600)]
COUNT = int(os.environ.get("RCA_FUZZ_COUNT", "3000"))
PROOFS = {"adf": bearer, "azure_monitor": query, "databricks": basic, "generic": bearer}
TABLES = (Incident, FailureRow, RecoveryRow, AuditRow)


def proof(source: str) -> dict[str, str]:
    if source == "airflow":
        secret = conf.get("api", "secret_key")
        return {"Authorization": f"Bearer {sign(secret, 'tests', time.time())}"}
    return PROOFS[source](secret_of(Source(source)))


def stored() -> list[int]:
    counts = (select(func.count(table.id)).scalar_subquery() for table in TABLES)
    with create_session(scoped=False) as session:
        return list(session.execute(select(*counts)).one())


def test_mutated_bodies_are_stored_or_refused_whole(client: FlaskClient, options) -> None:
    options(rate_limit="100000")
    seed = random.SystemRandom().randrange(2**32)
    outcomes: Counter[tuple[str, int]] = Counter()
    before = stored()
    for number, (source, body) in enumerate(mutations(own_samples(), random.Random(seed), COUNT)):
        answer = client.post(f"/rca/webhooks/{source}", data=json.dumps(body), headers=proof(source))
        where = f"seed {seed}, number {number}, {source}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code in (202, 400, 422), where
        outcomes[source, answer.status_code] += 1
        if answer.status_code == 202:
            assert all(receipt["result"] for receipt in answer.get_json()["results"]), where
            before = stored()
        elif number % 10 == 0 or COUNT <= 3000:
            assert stored() == before, where
    assert all(outcomes[source, 202] and outcomes[source, 202] < sum(
        count for (of, _), count in outcomes.items() if of == source) for source in (*PROOFS, "airflow"))  # fmt: skip
    print(sorted(outcomes.items()))
