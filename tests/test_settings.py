"""The settings table: sources, origins, masked secrets, errors that name the variable."""

from __future__ import annotations

import pickle

import pytest

from fhir_server.settings import SETTINGS, SettingError, Settings, is_loopback, mask_url, read, unknown_variables


def test_a_default_is_overridden_by_the_environment_and_that_by_the_command_line() -> None:
    settings = read({"FHIR_PORT": "9000", "FHIR_THREADS": "8", "FHIR_HOST": "  "}, {"threads": 2, "host": None})
    assert (settings.port, settings.threads, settings.host, settings.max_depth) == (9000, 2, "127.0.0.1", 64)
    origins = settings.origins
    assert (origins["port"], origins["threads"], origins["host"]) == ("environment", "command line", "default")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_help_sentence_and_survives_its_own_text(setting) -> None:
    assert setting.help.endswith(".")
    assert setting.help[0].isupper() or setting.choices
    assert setting.parse(setting.text(setting.default)) == setting.default
    setting.check(setting.default)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("FHIR_PORT", "eighty"),
        ("FHIR_PORT", "0"),
        ("FHIR_PORT", "65536"),
        ("FHIR_UPDATE_AS_CREATE", "perhaps"),
        ("FHIR_REFERENTIAL_INTEGRITY", "loose"),
        ("FHIR_AUTH", "smart"),
        ("FHIR_DATABASE", "mysql://user:hunter2@host/name"),
        ("FHIR_BASE_URL", "ftp://example.org"),
        ("FHIR_DEFAULT_PAGE_SIZE", "501"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_that_names_its_variable_and_never_repeats_it(variable, text) -> None:
    with pytest.raises(SettingError, match=variable) as caught:
        read({variable: text})
    assert "hunter2" not in str(caught.value)


def test_a_value_of_the_wrong_type_from_the_command_line_is_refused() -> None:
    with pytest.raises(SettingError, match="FHIR_PORT"):
        read({}, {"port": "80"})
    with pytest.raises(SettingError, match="FHIR_PORT"):
        read({}, {"port": True})


def test_a_misspelt_variable_is_reported_with_the_nearest_name() -> None:
    found = unknown_variables({"FHIR_DATABSE": "x", "FHIR_PORT": "1", "FHIR_TEST_SHARED": "y", "HOME": "/"})
    assert found == ["FHIR_DATABSE is not a setting. Did you mean FHIR_DATABASE?"]


def test_secrets_and_passwords_are_masked_wherever_settings_are_shown() -> None:
    settings = Settings(link_secret="s3cret", database="postgresql+psycopg://fhir:hunter2@db/clinic?password=hunter2")
    shown = repr(settings) + str(settings)
    assert "s3cret" not in shown
    assert "hunter2" not in shown
    assert "postgresql+psycopg://fhir:******@db/clinic" in shown


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ("postgresql+psycopg://u@h/n", "postgresql+psycopg://u@h/n"),
        ("postgresql+psycopg://u:p:w@h:1/n", "postgresql+psycopg://u:******@h:1/n"),
        ("postgresql+psycopg:///n?user=u&PASSWORD=p", "postgresql+psycopg:///n?user=u&password=******"),
    ],
)
def test_a_database_url_is_shown_without_its_password(url, masked) -> None:
    assert mask_url(url) == masked


def test_the_base_url_and_trusted_hosts_follow_from_the_address_unless_they_are_given() -> None:
    settings = read({"FHIR_PORT": "9000"})
    assert settings.base_url == "http://127.0.0.1:9000/fhir"
    assert settings.trusted_hosts == ("localhost", "127.0.0.1", "::1")
    assert settings.origins["base_url"] == "derived"
    settings = read({"FHIR_HOST": "::1", "FHIR_BASE_URL": "https://fhir.clinic.example/r4/"})
    assert settings.base_url == "https://fhir.clinic.example/r4"
    assert "fhir.clinic.example" in settings.trusted_hosts
    assert read({"FHIR_HOST": "::1"}).base_url == "http://[::1]:8080/fhir"


def test_settings_travel_to_another_process_by_environment_and_by_pickle() -> None:
    settings = read({"FHIR_WORKERS": "3", "FHIR_TRUSTED_HOSTS": "a.example, b.example", "FHIR_LINK_SECRET": "x"})
    assert read(settings.to_environment()) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_workers_zero_means_one_for_each_core() -> None:
    assert Settings().worker_processes >= 1
    assert Settings(workers=7).worker_processes == 7


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_count_as_loopback(host, loopback) -> None:
    assert is_loopback(host) is loopback
