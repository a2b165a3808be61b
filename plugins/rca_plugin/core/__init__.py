"""Pure code: no Airflow, no HTTP, no database and no clock of its own."""
