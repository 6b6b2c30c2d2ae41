CREATE TABLE appointment (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    cancelation_reason_system TEXT COLLATE "C",
    cancelation_reason_code TEXT COLLATE "C",
    cancelation_reason_text TEXT COLLATE "C",
    priority BIGINT,
    description TEXT COLLATE "C",
    start_time TIMESTAMP WITH TIME ZONE,
    start_time_until TIMESTAMP WITH TIME ZONE,
    end_time TIMESTAMP WITH TIME ZONE,
    end_time_until TIMESTAMP WITH TIME ZONE,
    minutes_duration BIGINT,
    created TIMESTAMP WITH TIME ZONE,
    created_until TIMESTAMP WITH TIME ZONE,
    comment TEXT COLLATE "C",
    patient_instruction TEXT COLLATE "C",
    PRIMARY KEY (key)
);

CREATE INDEX ix_appointment_status_start_time_key ON appointment (status, start_time, key);

CREATE INDEX ix_appointment_start_time_key ON appointment (start_time, key);

CREATE TABLE appointment_identifier (
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

CREATE INDEX ix_appointment_identifier_value_system_key ON appointment_identifier (value, system, key);

CREATE TABLE appointment_service_category (
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

CREATE INDEX ix_appointment_service_category_code_main_date_key_system ON appointment_service_category (code, main_date, key, system);

CREATE TABLE appointment_service_type (
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

CREATE INDEX ix_appointment_service_type_code_main_date_key_system ON appointment_service_type (code, main_date, key, system);

CREATE TABLE appointment_specialty (
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

CREATE INDEX ix_appointment_specialty_code_main_date_key_system ON appointment_specialty (code, main_date, key, system);

CREATE TABLE appointment_appointment_type (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_appointment_appointment_type_code_main_date_key_system ON appointment_appointment_type (code, main_date, key, system);

CREATE TABLE appointment_reason_code (
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

CREATE INDEX ix_appointment_reason_code_code_main_date_key_system ON appointment_reason_code (code, main_date, key, system);

CREATE TABLE appointment_reason_reference (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_appointment_reason_reference_target_key_main_date_key ON appointment_reason_reference (target_key, main_date, key);

CREATE TABLE appointment_supporting_information (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_appointment_supporting_information_target_key_main_date_key ON appointment_supporting_information (target_key, main_date, key);

CREATE TABLE appointment_slot (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_appointment_slot_target_key_main_date_key ON appointment_slot (target_key, main_date, key);

CREATE TABLE appointment_based_on (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_appointment_based_on_target_key_main_date_key ON appointment_based_on (target_key, main_date, key);

CREATE TABLE appointment_participant (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    actor_key BIGINT,
    actor_type TEXT COLLATE "C",
    required TEXT COLLATE "C",
    status TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_appointment_participant_actor_key_main_date_key ON appointment_participant (actor_key, main_date, key) WHERE actor_key IS NOT NULL;

CREATE INDEX ix_appointment_participant_status_main_date_key ON appointment_participant (status, main_date, key);

CREATE TABLE appointment_participant_type (
    key BIGINT NOT NULL,
    participant_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, participant_ordinal, ordinal, coding)
);

CREATE TABLE appointment_requested_period (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    start_time TIMESTAMP WITH TIME ZONE,
    end_time TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE VIEW v_appointment AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    t.cancelation_reason_system,
    t.cancelation_reason_code,
    t.cancelation_reason_text,
    t.priority,
    t.description,
    t.start_time,
    t.end_time,
    t.minutes_duration,
    t.created,
    t.comment,
    t.patient_instruction,
    c0.system AS appointment_type_system,
    c0.code AS appointment_type_code,
    c0.display AS appointment_type_display
FROM appointment t
JOIN resource r ON r.key = t.key
LEFT JOIN appointment_appointment_type c0 ON c0.key = t.key AND c0.coding = 0;

CREATE VIEW v_appointment_reason_reference AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM appointment_reason_reference t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_appointment_supporting_information AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM appointment_supporting_information t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_appointment_slot AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM appointment_slot t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_appointment_based_on AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM appointment_based_on t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_appointment_participant AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS actor_id,
    t.actor_type,
    t.required,
    t.status,
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
FROM appointment_participant t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.actor_key;

CREATE VIEW v_appointment_requested_period AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    NULLIF(t.start_time, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS start_time,
    NULLIF(t.end_time, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS end_time
FROM appointment_requested_period t
JOIN resource r ON r.key = t.key;
