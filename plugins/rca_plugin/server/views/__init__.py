"""The pages, at /pluginsv2/rca, and where Airflow's UI shows them."""
