"""The services outside of Airflow, each through the hook of its own provider package."""
