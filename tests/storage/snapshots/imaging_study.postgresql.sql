CREATE TABLE imaging_study (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    subject_key BIGINT,
    subject_type TEXT COLLATE "C",
    encounter_key BIGINT,
    started TIMESTAMP WITH TIME ZONE,
    started_until TIMESTAMP WITH TIME ZONE,
    referrer_key BIGINT,
    referrer_type TEXT COLLATE "C",
    number_of_series BIGINT,
    number_of_instances BIGINT,
    procedure_reference_key BIGINT,
    location_key BIGINT,
    description TEXT COLLATE "C",
    PRIMARY KEY (key)
);

CREATE INDEX ix_imaging_study_status_started_key ON imaging_study (status, started, key);

CREATE INDEX ix_imaging_study_subject_key_started_key ON imaging_study (subject_key, started, key);

CREATE INDEX ix_imaging_study_encounter_key_started_key ON imaging_study (encounter_key, started, key) WHERE encounter_key IS NOT NULL;

CREATE INDEX ix_imaging_study_started_key ON imaging_study (started, key);

CREATE INDEX ix_imaging_study_referrer_key_started_key ON imaging_study (referrer_key, started, key) WHERE referrer_key IS NOT NULL;

CREATE TABLE imaging_study_identifier (
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

CREATE INDEX ix_imaging_study_identifier_value_system_key ON imaging_study_identifier (value, system, key);

CREATE TABLE imaging_study_modality (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE imaging_study_based_on (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_imaging_study_based_on_target_key_main_date_key ON imaging_study_based_on (target_key, main_date, key);

CREATE TABLE imaging_study_interpreter (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_imaging_study_interpreter_target_key_main_date_key ON imaging_study_interpreter (target_key, main_date, key);

CREATE TABLE imaging_study_endpoint (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_imaging_study_endpoint_target_key_main_date_key ON imaging_study_endpoint (target_key, main_date, key);

CREATE TABLE imaging_study_procedure_code (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

CREATE TABLE imaging_study_reason_code (
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

CREATE INDEX ix_imaging_study_reason_code_code_main_date_key_system ON imaging_study_reason_code (code, main_date, key, system);

CREATE TABLE imaging_study_series (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    uid TEXT COLLATE "C",
    number BIGINT,
    modality_system TEXT COLLATE "C",
    modality_code TEXT COLLATE "C",
    modality_display TEXT COLLATE "C",
    modality_display_folded TEXT COLLATE "C",
    description TEXT COLLATE "C",
    number_of_instances BIGINT,
    body_site_system TEXT COLLATE "C",
    body_site_code TEXT COLLATE "C",
    body_site_display TEXT COLLATE "C",
    body_site_display_folded TEXT COLLATE "C",
    laterality_system TEXT COLLATE "C",
    laterality_code TEXT COLLATE "C",
    laterality_display TEXT COLLATE "C",
    started TIMESTAMP WITH TIME ZONE,
    started_until TIMESTAMP WITH TIME ZONE,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_imaging_study_series_uid_main_date_key ON imaging_study_series (uid, main_date, key);

CREATE INDEX ix_imaging_study_series_modality_code_main_date_key_mo_18a93ad5 ON imaging_study_series (modality_code, main_date, key, modality_system);

CREATE INDEX ix_imaging_study_series_body_site_code_main_date_key_b_6c44c3e7 ON imaging_study_series (body_site_code, main_date, key, body_site_system) WHERE body_site_code IS NOT NULL;

CREATE TABLE imaging_study_series_endpoint (
    key BIGINT NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, series_ordinal, ordinal)
);

CREATE INDEX ix_imaging_study_series_endpoint_target_key_main_date_key ON imaging_study_series_endpoint (target_key, main_date, key);

CREATE TABLE imaging_study_series_performer (
    key BIGINT NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    actor_key BIGINT,
    actor_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, series_ordinal, ordinal)
);

CREATE INDEX ix_imaging_study_series_performer_actor_key_main_date_key ON imaging_study_series_performer (actor_key, main_date, key);

CREATE TABLE imaging_study_series_instance (
    key BIGINT NOT NULL,
    series_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    uid TEXT COLLATE "C",
    sop_class_system TEXT COLLATE "C",
    sop_class_code TEXT COLLATE "C",
    sop_class_display TEXT COLLATE "C",
    sop_class_display_folded TEXT COLLATE "C",
    number BIGINT,
    title TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, series_ordinal, ordinal)
);

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
