CREATE TABLE slot (
    key BIGINT NOT NULL,
    schedule_key BIGINT,
    status TEXT COLLATE "C",
    start_time TIMESTAMP WITH TIME ZONE,
    start_time_until TIMESTAMP WITH TIME ZONE,
    end_time TIMESTAMP WITH TIME ZONE,
    end_time_until TIMESTAMP WITH TIME ZONE,
    overbooked BOOLEAN,
    comment TEXT COLLATE "C",
    PRIMARY KEY (key)
);

CREATE INDEX ix_slot_schedule_key_start_time_key ON slot (schedule_key, start_time, key);

CREATE INDEX ix_slot_status_start_time_key ON slot (status, start_time, key);

CREATE INDEX ix_slot_start_time_key ON slot (start_time, key);

CREATE TABLE slot_identifier (
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

CREATE INDEX ix_slot_identifier_value_system_key ON slot_identifier (value, system, key);

CREATE TABLE slot_service_category (
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

CREATE INDEX ix_slot_service_category_code_main_date_key_system ON slot_service_category (code, main_date, key, system);

CREATE TABLE slot_service_type (
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

CREATE INDEX ix_slot_service_type_code_main_date_key_system ON slot_service_type (code, main_date, key, system);

CREATE TABLE slot_specialty (
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

CREATE INDEX ix_slot_specialty_code_main_date_key_system ON slot_specialty (code, main_date, key, system);

CREATE TABLE slot_appointment_type (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_slot_appointment_type_code_main_date_key_system ON slot_appointment_type (code, main_date, key, system);

CREATE VIEW v_slot AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    r0.id AS schedule_id,
    t.status,
    t.start_time,
    t.end_time,
    t.overbooked,
    t.comment,
    c0.system AS appointment_type_system,
    c0.code AS appointment_type_code,
    c0.display AS appointment_type_display
FROM slot t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r0 ON r0.key = t.schedule_key
LEFT JOIN slot_appointment_type c0 ON c0.key = t.key AND c0.coding = 0;
