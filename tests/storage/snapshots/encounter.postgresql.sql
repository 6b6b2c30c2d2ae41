CREATE TABLE encounter (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    class_system TEXT COLLATE "C",
    class_code TEXT COLLATE "C",
    class_display TEXT COLLATE "C",
    class_display_folded TEXT COLLATE "C",
    service_type_system TEXT COLLATE "C",
    service_type_code TEXT COLLATE "C",
    service_type_text TEXT COLLATE "C",
    priority_system TEXT COLLATE "C",
    priority_code TEXT COLLATE "C",
    priority_text TEXT COLLATE "C",
    subject_key BIGINT,
    subject_type TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    length NUMERIC,
    length_comparator TEXT COLLATE "C",
    length_unit TEXT COLLATE "C",
    length_system TEXT COLLATE "C",
    length_code TEXT COLLATE "C",
    length_low NUMERIC,
    length_high NUMERIC,
    length_canonical_low NUMERIC,
    length_canonical_high NUMERIC,
    length_canonical_code TEXT COLLATE "C",
    hospitalization_pre_admission_identifier_system TEXT COLLATE "C",
    hospitalization_pre_admission_identifier_value TEXT COLLATE "C",
    hospitalization_origin_key BIGINT,
    hospitalization_origin_type TEXT COLLATE "C",
    hospitalization_admit_source_system TEXT COLLATE "C",
    hospitalization_admit_source_code TEXT COLLATE "C",
    hospitalization_admit_source_text TEXT COLLATE "C",
    hospitalization_re_admission_system TEXT COLLATE "C",
    hospitalization_re_admission_code TEXT COLLATE "C",
    hospitalization_re_admission_text TEXT COLLATE "C",
    hospitalization_destination_key BIGINT,
    hospitalization_destination_type TEXT COLLATE "C",
    hospitalization_discharge_disposition_system TEXT COLLATE "C",
    hospitalization_discharge_disposition_code TEXT COLLATE "C",
    hospitalization_discharge_disposition_text TEXT COLLATE "C",
    service_provider_key BIGINT,
    part_of_key BIGINT,
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
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    value TEXT COLLATE "C",
    use TEXT COLLATE "C",
    type_system TEXT COLLATE "C",
    type_code TEXT COLLATE "C",
    type_text TEXT COLLATE "C",
    type_text_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_encounter_identifier_value_system_key ON encounter_identifier (value, system, key);

CREATE TABLE encounter_status_history (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    status TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE encounter_class_history (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    class_system TEXT COLLATE "C",
    class_code TEXT COLLATE "C",
    class_display TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE encounter_type (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_encounter_type_code_main_date_key_system ON encounter_type (code, main_date, key, system);

CREATE TABLE encounter_episode_of_care (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_episode_of_care_target_key_main_date_key ON encounter_episode_of_care (target_key, main_date, key);

CREATE TABLE encounter_based_on (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_based_on_target_key_main_date_key ON encounter_based_on (target_key, main_date, key);

CREATE TABLE encounter_participant (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    individual_key BIGINT,
    individual_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_participant_individual_key_main_date_key ON encounter_participant (individual_key, main_date, key) WHERE individual_key IS NOT NULL;

CREATE TABLE encounter_participant_type (
    key BIGINT NOT NULL,
    participant_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, participant_ordinal, ordinal, coding)
);

CREATE INDEX ix_encounter_participant_type_code_main_date_key_system ON encounter_participant_type (code, main_date, key, system);

CREATE TABLE encounter_appointment (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_appointment_target_key_main_date_key ON encounter_appointment (target_key, main_date, key);

CREATE TABLE encounter_reason_code (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_encounter_reason_code_code_main_date_key_system ON encounter_reason_code (code, main_date, key, system);

CREATE TABLE encounter_reason_reference (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_reason_reference_target_key_main_date_key ON encounter_reason_reference (target_key, main_date, key);

CREATE TABLE encounter_diagnosis (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    condition_key BIGINT,
    condition_type TEXT COLLATE "C",
    use_system TEXT COLLATE "C",
    use_code TEXT COLLATE "C",
    use_text TEXT COLLATE "C",
    rank BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_diagnosis_condition_key_main_date_key ON encounter_diagnosis (condition_key, main_date, key);

CREATE TABLE encounter_account (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_encounter_account_target_key_main_date_key ON encounter_account (target_key, main_date, key);

CREATE TABLE encounter_hospitalization_diet_preference (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

CREATE TABLE encounter_hospitalization_special_arrangement (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_encounter_hospitalization_special_arrangement_code__e419ef5a ON encounter_hospitalization_special_arrangement (code, main_date, key, system);

CREATE TABLE encounter_location (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    location_key BIGINT,
    status TEXT COLLATE "C",
    physical_type_system TEXT COLLATE "C",
    physical_type_code TEXT COLLATE "C",
    physical_type_text TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end,
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end,
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
FROM encounter_location t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.location_key;
