CREATE TABLE imaging_study (
    key INTEGER NOT NULL,
    status TEXT,
    subject_key INTEGER,
    subject_type TEXT,
    encounter_key INTEGER,
    started TEXT,
    started_until TEXT,
    referrer_key INTEGER,
    referrer_type TEXT,
    number_of_series BIGINT,
    number_of_instances BIGINT,
    procedure_reference_key INTEGER,
    location_key INTEGER,
    description TEXT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_imaging_study_status_started_key ON imaging_study (status, started, key);

CREATE INDEX ix_imaging_study_subject_key_started_key ON imaging_study (subject_key, started, key);

CREATE INDEX ix_imaging_study_encounter_key_started_key ON imaging_study (encounter_key, started, key) WHERE encounter_key IS NOT NULL;

CREATE INDEX ix_imaging_study_started_key ON imaging_study (started, key);

CREATE INDEX ix_imaging_study_referrer_key_started_key ON imaging_study (referrer_key, started, key) WHERE referrer_key IS NOT NULL;

CREATE TABLE imaging_study_identifier (
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

CREATE INDEX ix_imaging_study_identifier_value_system_key ON imaging_study_identifier (value, system, key);

CREATE TABLE imaging_study_modality (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE imaging_study_based_on (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_based_on_target_key_main_date_key ON imaging_study_based_on (target_key, main_date, key);

CREATE TABLE imaging_study_interpreter (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_interpreter_target_key_main_date_key ON imaging_study_interpreter (target_key, main_date, key);

CREATE TABLE imaging_study_endpoint (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_endpoint_target_key_main_date_key ON imaging_study_endpoint (target_key, main_date, key);

CREATE TABLE imaging_study_procedure_code (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE TABLE imaging_study_reason_code (
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

CREATE INDEX ix_imaging_study_reason_code_code_main_date_key_system ON imaging_study_reason_code (code, main_date, key, system);

CREATE TABLE imaging_study_series (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    uid TEXT,
    number BIGINT,
    modality_system TEXT,
    modality_code TEXT,
    modality_display TEXT,
    modality_display_folded TEXT,
    description TEXT,
    number_of_instances BIGINT,
    body_site_system TEXT,
    body_site_code TEXT,
    body_site_display TEXT,
    body_site_display_folded TEXT,
    laterality_system TEXT,
    laterality_code TEXT,
    laterality_display TEXT,
    started TEXT,
    started_until TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_series_uid_main_date_key ON imaging_study_series (uid, main_date, key);

CREATE INDEX ix_imaging_study_series_modality_code_main_date_key_mo_18a93ad5 ON imaging_study_series (modality_code, main_date, key, modality_system);

CREATE INDEX ix_imaging_study_series_body_site_code_main_date_key_b_6c44c3e7 ON imaging_study_series (body_site_code, main_date, key, body_site_system) WHERE body_site_code IS NOT NULL;

CREATE TABLE imaging_study_series_endpoint (
    key INTEGER NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, series_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_series_endpoint_target_key_main_date_key ON imaging_study_series_endpoint (target_key, main_date, key);

CREATE TABLE imaging_study_series_performer (
    key INTEGER NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    actor_key INTEGER,
    actor_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, series_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_series_performer_actor_key_main_date_key ON imaging_study_series_performer (actor_key, main_date, key);

CREATE TABLE imaging_study_series_instance (
    key INTEGER NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    uid TEXT,
    sop_class_system TEXT,
    sop_class_code TEXT,
    sop_class_display TEXT,
    sop_class_display_folded TEXT,
    number BIGINT,
    title TEXT,
    main_date TEXT,
    PRIMARY KEY (key, series_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_imaging_study_series_instance_uid_main_date_key ON imaging_study_series_instance (uid, main_date, key);

CREATE INDEX ix_imaging_study_series_instance_sop_class_code_main_d_7fe0813e ON imaging_study_series_instance (sop_class_code, main_date, key, sop_class_system);

CREATE VIEW v_imaging_study AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    r1.id AS subject_id,
    t.subject_type,
    r3.id AS encounter_id,
    t.started,
    r6.id AS referrer_id,
    t.referrer_type,
    t.number_of_series,
    t.number_of_instances,
    r10.id AS procedure_reference_id,
    r11.id AS location_id,
    t.description
FROM imaging_study t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.subject_key
LEFT JOIN resource r3 ON r3.key = t.encounter_key
LEFT JOIN resource r6 ON r6.key = t.referrer_key
LEFT JOIN resource r10 ON r10.key = t.procedure_reference_key
LEFT JOIN resource r11 ON r11.key = t.location_key;

CREATE VIEW v_imaging_study_modality AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.system,
    t.code,
    t.display
FROM imaging_study_modality t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_imaging_study_based_on AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM imaging_study_based_on t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_imaging_study_interpreter AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM imaging_study_interpreter t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_imaging_study_endpoint AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM imaging_study_endpoint t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_imaging_study_series AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.uid,
    t.number,
    t.modality_system,
    t.modality_code,
    t.modality_display,
    t.description,
    t.number_of_instances,
    t.body_site_system,
    t.body_site_code,
    t.body_site_display,
    t.laterality_system,
    t.laterality_code,
    t.laterality_display,
    t.started
FROM imaging_study_series t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_imaging_study_series_endpoint AS
SELECT
    t.key,
    r.id,
    t.series_ordinal,
    t.ordinal,
    r2.id AS target_id
FROM imaging_study_series_endpoint t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.target_key;

CREATE VIEW v_imaging_study_series_performer AS
SELECT
    t.key,
    r.id,
    t.series_ordinal,
    t.ordinal,
    r2.id AS actor_id,
    t.actor_type
FROM imaging_study_series_performer t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.actor_key;

CREATE VIEW v_imaging_study_series_instance AS
SELECT
    t.key,
    r.id,
    t.series_ordinal,
    t.ordinal,
    t.uid,
    t.sop_class_system,
    t.sop_class_code,
    t.sop_class_display,
    t.number,
    t.title
FROM imaging_study_series_instance t
JOIN resource r ON r.key = t.key;
