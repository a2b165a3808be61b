from rca_plugin.core.category import NOT_REMEDIABLE, Category, Priority, Severity, priority_of


def test_severity_decides_priority() -> None:
    assert [priority_of(severity) for severity in Severity] == [
        Priority.P1,
        Priority.P2,
        Priority.P3,
        Priority.P4,
    ]
    assert priority_of(Severity.CRITICAL) is Priority.P1


def test_there_are_24_categories_and_they_print_as_their_value() -> None:
    assert len(Category) == 24
    assert f"{Category.OUT_OF_MEMORY}" == str(Category.OUT_OF_MEMORY) == "out_of_memory"


def test_five_categories_are_never_remediable() -> None:
    expected = {"auth_permission", "schema_validation", "data_quality", "application_bug", "quota_exceeded"}
    assert {category.value for category in NOT_REMEDIABLE} == expected
