CREATE TABLE schedule (
    key BIGINT NOT NULL,
    active BOOLEAN,
    planning_horizon_start TIMESTAMP WITH TIME ZONE,
    planning_horizon_end TIMESTAMP WITH TIME ZONE,
    comment TEXT COLLATE "C",
    PRIMARY KEY (key)
);

CREATE INDEX ix_schedule_active_planning_horizon_start_key ON schedule (active, planning_horizon_start, key) WHERE active IS NOT NULL;

CREATE INDEX ix_schedule_planning_horizon_start_key ON schedule (planning_horizon_start, key);

CREATE INDEX ix_schedule_planning_horizon_end_key ON schedule (planning_horizon_end, key) WHERE planning_horizon_end IS NOT NULL;

CREATE TABLE schedule_identifier (
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

CREATE INDEX ix_schedule_identifier_value_system_key ON schedule_identifier (value, system, key);

CREATE TABLE schedule_service_category (
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

CREATE INDEX ix_schedule_service_category_code_main_date_key_system ON schedule_service_category (code, main_date, key, system);

CREATE TABLE schedule_service_type (
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

CREATE INDEX ix_schedule_service_type_code_main_date_key_system ON schedule_service_type (code, main_date, key, system);

CREATE TABLE schedule_specialty (
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

CREATE INDEX ix_schedule_specialty_code_main_date_key_system ON schedule_specialty (code, main_date, key, system);

CREATE TABLE schedule_actor (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_schedule_actor_target_key_main_date_key ON schedule_actor (target_key, main_date, key);

CREATE VIEW v_schedule AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.active,
    NULLIF(t.planning_horizon_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS planning_horizon_start,
    NULLIF(t.planning_horizon_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS planning_horizon_end,
    t.comment
FROM schedule t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_schedule_actor AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM schedule_actor t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;
