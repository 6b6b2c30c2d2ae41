CREATE TABLE schedule (
    key INTEGER NOT NULL,
    active BOOLEAN,
    planning_horizon_start TEXT,
    planning_horizon_end TEXT,
    comment TEXT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_schedule_active_planning_horizon_start_key ON schedule (active, planning_horizon_start, key) WHERE active IS NOT NULL;

CREATE INDEX ix_schedule_planning_horizon_start_key ON schedule (planning_horizon_start, key);

CREATE INDEX ix_schedule_planning_horizon_end_key ON schedule (planning_horizon_end, key) WHERE planning_horizon_end IS NOT NULL;

CREATE TABLE schedule_identifier (
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

CREATE INDEX ix_schedule_identifier_value_system_key ON schedule_identifier (value, system, key);

CREATE TABLE schedule_service_category (
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

CREATE INDEX ix_schedule_service_category_code_main_date_key_system ON schedule_service_category (code, main_date, key, system);

CREATE TABLE schedule_service_type (
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

CREATE INDEX ix_schedule_service_type_code_main_date_key_system ON schedule_service_type (code, main_date, key, system);

CREATE TABLE schedule_specialty (
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

CREATE INDEX ix_schedule_specialty_code_main_date_key_system ON schedule_specialty (code, main_date, key, system);

CREATE TABLE schedule_actor (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_schedule_actor_target_key_main_date_key ON schedule_actor (target_key, main_date, key);

CREATE VIEW v_schedule AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.active,
    NULLIF(t.planning_horizon_start, '0001-01-02 00:00:00.000000') AS planning_horizon_start,
    NULLIF(t.planning_horizon_end, '9999-12-31 00:00:00.000000') AS planning_horizon_end,
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
