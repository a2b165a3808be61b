"""Root cause analysis for failures of Apache Airflow, inside Airflow."""

__version__ = "0.1.0"
