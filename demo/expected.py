"""What the example DAGs fail of, as a person would say, which of them a retry saves, and which a repair."""

EXPECTED = {
    "example_warehouse_load": "connection_error",
    "example_invoice_import": "missing_data",
    "example_customer_export": "application_bug",
    "example_rates_api": "api_error",
    "example_revenue_report": "schema_validation",
    "example_slow_aggregation": "timeout",
    "example_partner_files": "data_quality",
    "example_model_training": "out_of_memory",
    "example_campaign_mail": "application_bug",
}
RECOVERS = "example_order_status"
REPAIRED = "example_warehouse_load"
