# Airflow with what the plugin needs. Plugin, DAGs and include are copied, so that one image is one version.
FROM apache/airflow:3.3.2-python3.12

COPY --chown=airflow:root requirements.txt /requirements.txt
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" -r /requirements.txt

COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root dags /opt/airflow/dags

# The command `rca` of the folder install.
ENV PYTHONPATH=/opt/airflow/plugins
