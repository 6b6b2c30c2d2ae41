CREATE TABLE encounter (
    key INTEGER NOT NULL,
    status TEXT,
    class_system TEXT,
    class_code TEXT,
    class_display TEXT,
    class_display_folded TEXT,
    service_type_system TEXT,
    service_type_code TEXT,
    service_type_text TEXT,
    priority_system TEXT,
    priority_code TEXT,
    priority_text TEXT,
    subject_key INTEGER,
    subject_type TEXT,
    period_start TEXT,
    period_end TEXT,
    length DOUBLE,
    length_comparator TEXT,
    length_unit TEXT,
    length_system TEXT,
    length_code TEXT,
    length_low TEXT,
    length_high TEXT,
    length_canonical_low TEXT,
    length_canonical_high TEXT,
    length_canonical_code TEXT,
    hospitalization_pre_admission_identifier_system TEXT,
    hospitalization_pre_admission_identifier_value TEXT,
    hospitalization_origin_key INTEGER,
    hospitalization_origin_type TEXT,
    hospitalization_admit_source_system TEXT,
    hospitalization_admit_source_code TEXT,
    hospitalization_admit_source_text TEXT,
    hospitalization_re_admission_system TEXT,
    hospitalization_re_admission_code TEXT,
    hospitalization_re_admission_text TEXT,
    hospitalization_destination_key INTEGER,
    hospitalization_destination_type TEXT,
    hospitalization_discharge_disposition_system TEXT,
    hospitalization_discharge_disposition_code TEXT,
    hospitalization_discharge_disposition_text TEXT,
    service_provider_key INTEGER,
    part_of_key INTEGER,
    PRIMARY KEY (key)
);

CREATE INDEX ix_encounter_status_period_start_key ON encounter (status, period_start, key);

CREATE INDEX ix_encounter_class_code_period_start_key_class_system ON encounter (class_code, period_start, key, class_system);

CREATE INDEX ix_encounter_subject_key_period_start_key ON encounter (subject_key, period_start, key) WHERE subject_key IS NOT NULL;

CREATE INDEX ix_encounter_period_start_key ON encounter (period_start, key);

CREATE INDEX ix_encounter_period_end_key ON encounter (period_end, key) WHERE period_end IS NOT NULL;

CREATE INDEX ix_encounter_length_low_length_high_key ON encounter (length_low, length_high, key) WHERE length_low IS NOT NULL;

CREATE INDEX ix_encounter_length_canonical_code_length_canonical_lo_1ee8b91b ON encounter (length_canonical_code, length_canonical_low, length_canonical_high, key) WHERE length_canonical_code IS NOT NULL;

CREATE INDEX ix_encounter_service_provider_key_period_start_key ON encounter (service_provider_key, period_start, key) WHERE service_provider_key IS NOT NULL;

CREATE INDEX ix_encounter_part_of_key_period_start_key ON encounter (part_of_key, period_start, key) WHERE part_of_key IS NOT NULL;

CREATE TABLE encounter_identifier (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    value TEXT,
    use TEXT,
    type_system TEXT,
    type_code TEXT,
    type_text TEXT,
    type_text_folded TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_identifier_value_system_key ON encounter_identifier (value, system, key);

CREATE TABLE encounter_status_history (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    status TEXT,
    period_start TEXT,
    period_end TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE encounter_class_history (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    class_system TEXT,
    class_code TEXT,
    class_display TEXT,
    period_start TEXT,
    period_end TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE encounter_type (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_type_code_main_date_key_system ON encounter_type (code, main_date, key, system);

CREATE TABLE encounter_episode_of_care (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_episode_of_care_target_key_main_date_key ON encounter_episode_of_care (target_key, main_date, key);

CREATE TABLE encounter_based_on (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_based_on_target_key_main_date_key ON encounter_based_on (target_key, main_date, key);

CREATE TABLE encounter_participant (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    period_start TEXT,
    period_end TEXT,
    individual_key INTEGER,
    individual_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_participant_individual_key_main_date_key ON encounter_participant (individual_key, main_date, key) WHERE individual_key IS NOT NULL;

CREATE TABLE encounter_participant_type (
    key INTEGER NOT NULL,
    participant_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, participant_ordinal, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_participant_type_code_main_date_key_system ON encounter_participant_type (code, main_date, key, system);

CREATE TABLE encounter_appointment (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_appointment_target_key_main_date_key ON encounter_appointment (target_key, main_date, key);

CREATE TABLE encounter_reason_code (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_reason_code_code_main_date_key_system ON encounter_reason_code (code, main_date, key, system);

CREATE TABLE encounter_reason_reference (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_reason_reference_target_key_main_date_key ON encounter_reason_reference (target_key, main_date, key);

CREATE TABLE encounter_diagnosis (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    condition_key INTEGER,
    condition_type TEXT,
    use_system TEXT,
    use_code TEXT,
    use_text TEXT,
    rank BIGINT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_diagnosis_condition_key_main_date_key ON encounter_diagnosis (condition_key, main_date, key);

CREATE TABLE encounter_account (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_account_target_key_main_date_key ON encounter_account (target_key, main_date, key);

CREATE TABLE encounter_hospitalization_diet_preference (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE TABLE encounter_hospitalization_special_arrangement (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_hospitalization_special_arrangement_code__e419ef5a ON encounter_hospitalization_special_arrangement (code, main_date, key, system);

CREATE TABLE encounter_location (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    location_key INTEGER,
    status TEXT,
    physical_type_system TEXT,
    physical_type_code TEXT,
    physical_type_text TEXT,
    period_start TEXT,
    period_end TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_encounter_location_location_key_main_date_key ON encounter_location (location_key, main_date, key);

CREATE INDEX ix_encounter_location_period_start_key ON encounter_location (period_start, key) WHERE period_start IS NOT NULL;

CREATE INDEX ix_encounter_location_period_end_key ON encounter_location (period_end, key) WHERE period_end IS NOT NULL;

CREATE VIEW v_encounter AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    t.class_system,
    t.class_code,
    t.class_display,
    t.service_type_system,
    t.service_type_code,
    t.service_type_text,
    t.priority_system,
    t.priority_code,
    t.priority_text,
    r11.id AS subject_id,
    t.subject_type,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end,
    t.length,
    t.length_comparator,
    t.length_unit,
    t.length_system,
    t.length_code,
    t.hospitalization_pre_admission_identifier_system,
    t.hospitalization_pre_admission_identifier_value,
    r27.id AS hospitalization_origin_id,
    t.hospitalization_origin_type,
    t.hospitalization_admit_source_system,
    t.hospitalization_admit_source_code,
    t.hospitalization_admit_source_text,
    t.hospitalization_re_admission_system,
    t.hospitalization_re_admission_code,
    t.hospitalization_re_admission_text,
    r35.id AS hospitalization_destination_id,
    t.hospitalization_destination_type,
    t.hospitalization_discharge_disposition_system,
    t.hospitalization_discharge_disposition_code,
    t.hospitalization_discharge_disposition_text,
    r40.id AS service_provider_id,
    r41.id AS part_of_id
FROM encounter t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r11 ON r11.key = t.subject_key
LEFT JOIN resource r27 ON r27.key = t.hospitalization_origin_key
LEFT JOIN resource r35 ON r35.key = t.hospitalization_destination_key
LEFT JOIN resource r40 ON r40.key = t.service_provider_key
LEFT JOIN resource r41 ON r41.key = t.part_of_key;

CREATE VIEW v_encounter_status_history AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.status,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM encounter_status_history t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_encounter_class_history AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.class_system,
    t.class_code,
    t.class_display,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM encounter_class_history t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_encounter_episode_of_care AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM encounter_episode_of_care t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_encounter_based_on AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM encounter_based_on t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_encounter_participant AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end,
    r3.id AS individual_id,
    t.individual_type
FROM encounter_participant t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r3 ON r3.key = t.individual_key;

CREATE VIEW v_encounter_appointment AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM encounter_appointment t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_encounter_reason_reference AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM encounter_reason_reference t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_encounter_diagnosis AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS condition_id,
    t.condition_type,
    t.use_system,
    t.use_code,
    t.use_text,
    t.rank
FROM encounter_diagnosis t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.condition_key;

CREATE VIEW v_encounter_account AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM encounter_account t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_encounter_location AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS location_id,
    t.status,
    t.physical_type_system,
    t.physical_type_code,
    t.physical_type_text,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM encounter_location t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.location_key;
