"""The steps of RCA DAGs, which DAG authors may use in DAGs of their own."""
